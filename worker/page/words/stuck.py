"""Words of the page "Stuck". Pure."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "menu.stuck": ("Stuck", "Застряло"),
    "stuck.title": ("Stuck", "Застряло"),
    "stuck.fine": (
        "Nothing waits for an operator.",
        "Ничто не ждёт оператора.",
    ),
    "stuck.unknown": ("Unknown", "Неизвестно"),
    "stuck.unknown_note": (
        "The request was written and no clear answer came: the gateway may have the message "
        "or not. Look at the gateway's own page, then say what happened, or send again; then "
        "some people may get it twice.",
        "Запрос ушёл, ясного ответа нет: сообщение может быть у шлюза, а может и не быть. "
        "Посмотрите на странице шлюза и отметьте, что случилось, или отправьте ещё раз; тогда "
        "кто-то может получить его дважды.",
    ),
    "stuck.dead": ("Dead", "Не отправлено"),
    "stuck.dead_note": (
        "All attempts are used up and nothing was sent. Once the cause is gone, try again; the "
        "texts are kept for three days.",
        "Все попытки исчерпаны, ничего не отправлено. Когда причина устранена, повторите; тексты "
        "хранятся три дня.",
    ),
    "stuck.unmatched": ("Without a message id", "Без номера сообщения"),
    "stuck.unmatched_note": (
        "The gateway has them, and its receipt did not come, so nobody can ask what became of "
        "them. Enter the id from the gateway's page.",
        "Шлюз их принял, но уведомление не пришло, и об их доставке не спросить. Введите номер со "
        "страницы шлюза.",
    ),
    "stuck.webhook": ("News that were not taken", "Непринятые события"),
    "stuck.webhook_note": (
        "Your webhook's receiver did not take them for a day. Once it is well, post them again; it "
        "may see some twice.",
        "Получатель вебхука не принимал их сутки. Когда он исправен, отправьте их снова; что-то он "
        "может увидеть дважды.",
    ),
    "stuck.ended": (
        "The receiver answered 410: nothing is posted to it any more.",
        "Получатель ответил 410: ему больше ничего не отправляется.",
    ),
    "stuck.resume_webhook": ("Post to it again", "Снова отправлять ему"),
    "stuck.shown": ("{shown} of {n}, the oldest first.", "{shown} из {n}, сначала старые."),
    "stuck.since": ("Since", "С"),
    "stuck.attempts": ("Attempts", "Попытки"),
    "stuck.actions": ("What to do", "Что сделать"),
    "stuck.resend": ("Send again", "Отправить ещё раз"),
    "stuck.accepted": ("It was sent", "Было отправлено"),
    "stuck.rejected": ("It was not sent", "Не было отправлено"),
    "stuck.retry": ("Try again", "Повторить"),
    "stuck.replay": ("Post again", "Отправить снова"),
    "stuck.attach": ("Enter", "Ввести"),
    "stuck.message": ("Message", "Сообщение"),
    "stuck.all_resend": ("Send all again…", "Отправить все ещё раз…"),
    "stuck.all_accepted": ("All were sent…", "Все были отправлены…"),
    "stuck.all_rejected": ("None was sent…", "Ни одно не было отправлено…"),
    "stuck.all_retry": ("Try all again…", "Повторить все…"),
    "stuck.dry": (
        "Nothing was done yet. It would be done to {n:jobs} with {recipients:recipients}.",
        "Пока ничего не сделано. Это коснётся: {n:jobs}, {recipients:recipients}.",
    ),
    "stuck.more": (
        "There are {n:jobs}. One press takes the oldest {most}; press again for the next.",
        "Всего {n:jobs}. За одно нажатие берутся {most} самых старых; для остальных нажмите ещё.",
    ),
    "stuck.cost": (
        "It may cost {cost} or more, at one part a message.",
        "Это может стоить от {cost}, если сообщение из одной части.",
    ),
    "stuck.sure": ("Do it", "Выполнить"),
    "stuck.done": ("It was done to {n:jobs}.", "Сделано: {n:jobs}."),
    "stuck.refused": ("Not to these:", "Кроме этих:"),
    "stuck.back": ("Back to what is stuck", "К застрявшему"),
    "said.stuck_done": ("It is done.", "Сделано."),
}
