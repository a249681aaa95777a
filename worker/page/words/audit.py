"""Words of the page "Audit trail". Pure."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "menu.audit": ("Audit trail", "Журнал действий"),
    "audit.title": ("Audit trail", "Журнал действий"),
    "audit.chain": ("Is it whole?", "Цел ли журнал?"),
    "audit.looking": ("It is being looked through.", "Журнал проверяется."),
    "audit.not_looked": (
        "It could not be looked through; that is tried again.",
        "Проверить журнал не удалось; проверка повторится.",
    ),
    "audit.whole": (
        "{n:entries}, all there and as they were written. Looked through at {at}.",
        "{n:entries}: все на месте и не менялись. Проверено в {at}.",
    ),
    "audit.head": (
        "Its head. Who could write to Redis could write the whole trail anew: note it elsewhere.",
        "Вершина журнала. Кто пишет в Redis, мог бы переписать его целиком: сохраните её отдельно.",
    ),
    "audit.broken": ("not whole", "нарушен"),
    "audit.broken_note": (
        "Looked through at {at}. Somebody or something changed it outside smsq: "
        "see who can write to Redis, and compare it with a backup.",
        "Проверено в {at}. Журнал изменён в обход smsq: "
        "выясните, кто пишет в Redis, и сравните с резервной копией.",
    ),
    "audit.entries": ("Who did what", "Кто что сделал"),
    "audit.only_by": ("Only by {by}.", "Только {by}."),
    "audit.everybody": ("Everybody", "Все"),
    "audit.only_act": ("Only: {act}.", "Только: {act}."),
    "audit.all_acts": ("All acts", "Все действия"),
    "audit.choose": ("Only one kind of act", "Только действия одного вида"),
    "audit.none": ("Nothing is written down.", "Записей нет."),
    "audit.none_here": (
        "Nothing of it is among the entries looked at; there are older ones.",
        "Среди просмотренных записей таких нет; есть более старые.",
    ),
    "audit.at": ("When", "Когда"),
    "audit.by": ("Who", "Кто"),
    "audit.act": ("Did what", "Что сделано"),
    "audit.on": ("On what", "С чем"),
    "audit.detail": ("Detail", "Подробности"),
    "audit.everything": ("everything", "всё"),
    "audit.newest": ("Newest", "Последние"),
    "audit.older": ("Older", "Более старые"),
    "act.pause": ("paused", "приостановлено"),
    "act.resume": ("resumed", "возобновлено"),
    "act.rate": ("set the rate", "задана скорость"),
    "act.cancel": ("cancelled", "отменено"),
    "act.reschedule": ("rescheduled", "перенесено"),
    "act.resend": ("resent", "отправлено повторно"),
    "act.settle": ("settled by hand", "решено вручную"),
    "act.retry": ("tried again", "попытка повторена"),
    "act.attach": ("gave a message id", "указан номер у шлюза"),
    "act.optout add": ("opted out", "добавлен отказ"),
    "act.optout remove": ("took an opt-out back", "снят отказ"),
    "act.optout import": ("imported opt-outs", "загружены отказы"),
    "act.optout list": ("read opt-outs in full", "прочитан список отказов"),
    "act.webhook replay": ("posted events again", "события отправлены заново"),
    "act.webhook resume": ("resumed the webhook", "возобновлён вебхук"),
    "act.recipients": ("read phones in full", "прочитаны номера полностью"),
    "act.failed": ("read who did not get it", "прочитано, кто не получил"),
    "act.find": ("searched in full", "поиск с полными номерами"),
    "act.export": ("exported", "выгрузка"),
    "act.person": ("showed a person", "показ данных человека"),
    "act.forget": ("forgot a person", "удаление данных человека"),
}
