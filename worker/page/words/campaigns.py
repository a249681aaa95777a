"""Words of the page "Campaigns". Pure."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "menu.campaigns": ("Campaigns", "Кампании"),
    "campaigns.title": ("Campaigns", "Кампании"),
    "campaigns.none": ("There are no campaigns.", "Кампаний нет."),
    "campaigns.newest": ("The newest {n}.", "Последние {n}."),
    "campaigns.enqueued": ("enqueued {at}", "поставлена {at}"),
    "campaigns.progress": ("Settled", "Завершено"),
    "campaigns.recipients": ("Recipients", "Получатели"),
    "campaigns.pace": ("Pace", "Темп"),
    "campaigns.left": ("Until the last is sent, about", "До последней отправки примерно"),
    "campaigns.unknown_pace": ("being measured", "измеряется"),
    "campaigns.bar": ("Recipients by state: {told}", "Получатели по состояниям: {told}"),
    "campaigns.jobs": ("Jobs by state", "Задачи по состояниям"),
    "campaigns.unsent": ("Of the undelivered, never sent", "Из недоставленных не отправлялись"),
    "campaigns.details": ("Timeline and recipients", "Ход событий и получатели"),
    "campaigns.all": ("All campaigns", "Все кампании"),
    "campaigns.since": ("since {at}", "с {at}"),
    "campaigns.pause": ("Pause", "Приостановить"),
    "campaigns.pause_note": (
        "Nothing more of it is sent until somebody resumes it. {n:recipients} would wait.",
        "Больше ничего не отправится, пока кампанию не возобновят. Будут ждать: {n:recipients}.",
    ),
    "campaigns.pause_yes": ("Pause this campaign", "Приостановить кампанию"),
    "campaigns.resume": ("Resume", "Возобновить"),
    "campaigns.resume_note": (
        "It goes on at once. {n:recipients} wait.",
        "Отправка продолжится сразу. Ждут: {n:recipients}.",
    ),
    "campaigns.resume_yes": ("Resume this campaign", "Возобновить кампанию"),
    "campaigns.anyway": (
        "Do not wait for the reports of its canary",
        "Не ждать отчётов о пробной части",
    ),
    "campaigns.cancel": ("Cancel", "Отменить"),
    "campaigns.cancel_note": (
        "For good: {n:recipients} that wait will never get it. What was sent stays sent.",
        "Навсегда: не получат {n:recipients} из ожидающих. Отправленное не отозвать.",
    ),
    "campaigns.cancel_yes": ("Cancel this campaign for good", "Отменить кампанию навсегда"),
    "brake.paused": ("paused", "приостановлена"),
    "brake.canary": ("waits for its canary", "ждёт пробную часть"),
    "brake.stopped": ("stopped itself", "остановилась сама"),
    "brake.cancelled": ("cancelled", "отменена"),
    "said.campaign_paused": ("The campaign is paused.", "Кампания приостановлена."),
    "said.campaign_resumed": ("The campaign goes on.", "Кампания продолжается."),
    "said.campaign_cancelled": (
        "What was not sent is cancelled.",
        "Всё неотправленное отменено.",
    ),
    "said.campaign_as_it_was": (
        "Nothing changed: there was nothing to pause or to resume.",
        "Ничего не изменилось: останавливать или возобновлять было нечего.",
    ),
}
