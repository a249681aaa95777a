"""Checks of whole calls: every mistake at once, none that tells a secret."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.errors import InvalidMessageError
from smsq.intake.intake import Intake
from smsq.intake.mistakes import MAX_MISTAKES
from smsq.models import (
    BulkMessage,
    MessageRequest,
    OnUnknown,
    PersonalMessage,
    QuickMessage,
    ViberForward,
)
from smsq.names import Queue
from smsq.settings import Settings

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
QUICK = QuickMessage(phone="+375 29 123-45-67", text="Your code is 4821")
BULK = BulkMessage(name="Sale", text="Half price", phones=["375291234567", "80291234568"])
PERSONAL = PersonalMessage(name="Bills", texts=[("375291234567", "5"), ("375291234568", "7")])

#: Writes what the types forbid: a web app's callers may not check them.
wrong: Any = replace


@pytest.fixture
def intake() -> Intake:
    return Intake(Settings.from_env({"SMSQ_ALPHANAME_ID": "123"}), NOW)


def refused(call: Any, *args: Any, **options: Any) -> Sequence[str]:
    with pytest.raises(InvalidMessageError) as caught:
        call(*args, **options)
    return caught.value.mistakes


class Filled:
    """Collects what streams in."""

    def __init__(self) -> None:
        self.requests: list[MessageRequest] = []

    def start_message(self, head: MessageRequest) -> None:
        self.requests.append(replace(head, recipients={}))

    def add(self, phone: str, text: str | None, reference: str | None = None) -> bool:
        recipients: Any = self.requests[-1].recipients
        recipients[phone] = text
        return True


def check_bulk(intake: Intake, messages: Any, **shared: str | None) -> list[MessageRequest]:
    """Check a campaign as `SmsQueue.send_bulk` does; gives what it would send."""
    asked: dict[str, Any] = {"key": None, "on_unknown": None, **shared}
    filled = Filled()
    intake.check_bulk(messages, filled, intake.read_shared(**asked)[2])
    return filled.requests


def test_a_plain_quick_message_needs_nothing_more(intake: Intake) -> None:
    checked = intake.check_quick(QUICK)

    assert checked.request.recipients == {"375291234567": None}
    assert checked.request.text == "Your code is 4821"
    assert checked.request.alphaname_id == "123"
    assert checked.request.name == ""
    assert (checked.key, checked.viber, checked.expires_in_s) == (None, None, None)
    assert (checked.due_at, checked.due_in_s) == (None, 0)
    assert checked.priority is Queue.NORMAL
    assert checked.on_unknown is OnUnknown.HOLD


def test_a_quick_message_with_everything(intake: Intake) -> None:
    checked = intake.check_quick(
        replace(
            QUICK,
            alphaname_id="234",
            key="k",
            priority="urgent",
            send_at=NOW + timedelta(hours=1),
            expires_in_s=7200,
            viber_name_id=9,
            viber_after_min=15,
            on_unknown="resend",
        )
    )

    assert checked.request.alphaname_id == "234"
    assert (checked.key, checked.priority) == ("k", Queue.URGENT)
    assert checked.due_at == NOW + timedelta(hours=1)
    assert checked.due_in_s == 3600
    assert checked.expires_in_s == 7200
    assert checked.viber == ViberForward(name_id=9, after_min=15)
    assert checked.on_unknown is OnUnknown.RESEND


ALL_WRONG: Any = QuickMessage(
    phone="+375 29 999-88-776",
    text="",
    alphaname_id="a b",
    key="",
    priority="soon",  # type: ignore[arg-type]
    send_at=NOW - timedelta(days=1),
    expires_in_s=-1,
    viber_name_id=0,
    viber_after_min=61,
    on_unknown="retry",  # type: ignore[arg-type]
)


def test_all_mistakes_of_a_message_are_told_at_once(intake: Intake) -> None:
    mistakes = refused(intake.check_quick, ALL_WRONG)
    about = [mistake.split()[0].rstrip(":") for mistake in mistakes]

    assert sorted(about) == [
        "alphaname_id",
        "expires_in_s",
        "key",
        "on_unknown",
        "phone",
        "priority",
        "send_at",
        "text",
        "viber_after_min",
        "viber_name_id",
    ]
    assert all("write" in mistake for mistake in mistakes)


def test_mistakes_of_many_messages_say_which(intake: Intake) -> None:
    bad = wrong(QUICK, text=5)
    mistakes = refused(intake.check_quick_many, [QUICK, bad, QUICK, ALL_WRONG])

    assert mistakes[0] == "message 2: text is int: write a string"
    assert len(mistakes) == 11
    assert all(mistake.startswith("message 4: ") for mistake in mistakes[1:])


def test_good_messages_come_back_in_order(intake: Intake) -> None:
    messages = (replace(QUICK, text=f"code {i}") for i in (0, 1))
    texts = [checked.request.text for checked in intake.check_quick_many(messages)]

    assert texts == ["code 0", "code 1"]
    assert intake.check_quick_many([]) == []


def test_more_than_a_hundred_mistakes_are_cut(intake: Intake) -> None:
    phones = ["12"] * (MAX_MISTAKES + 23)
    mistakes = refused(check_bulk, intake, [replace(BULK, phones=phones)])

    assert len(mistakes) == MAX_MISTAKES + 1
    assert mistakes[-1] == "... and 23 more mistakes"
    exactly = refused(check_bulk, intake, [replace(BULK, phones=phones[:MAX_MISTAKES])])
    assert "more mistakes" not in exactly[-1]


def test_letters_and_accents_are_sent_together() -> None:
    """A text from a Mac has them apart, which costs three parts instead of one."""
    intake = Intake(Settings.from_env({"SMSQ_ALPHANAME_ID": "1"}), NOW)
    apart, together = (unicodedata.normalize(form, "Café à 5€") for form in ("NFD", "NFC"))
    assert apart != together

    quick = intake.check_quick(QuickMessage(phone=QUICK.phone, text=apart))
    [bulk] = check_bulk(intake, [BulkMessage(name=apart, text=apart, phones=[QUICK.phone])])
    [personal] = check_bulk(intake, [PersonalMessage(name="x", texts=[(QUICK.phone, apart)])])
    assert quick.request.text == together
    assert (bulk.name, bulk.text) == (together, together)
    assert list(personal.recipients.values()) == [together]


MINSK = ZoneInfo("Europe/Minsk")
SECRET = "Пароль от сейфа: 48-21-77"


@given(
    st.text("0123456789+ ", min_size=6, max_size=30),
    st.sampled_from([SECRET * 30, SECRET + "\x00", SECRET + "\ud800"]),
)
def test_no_mistake_tells_a_text_or_a_phone(phone: str, text: str) -> None:
    intake = Intake(Settings.from_env({"SMSQ_ALPHANAME_ID": "1"}), NOW)
    quick = QuickMessage(phone=phone, text=text)
    bulk = BulkMessage(name="", text=text, phones=[phone, phone])
    personal = PersonalMessage(name="", texts=[(phone, text), (phone, text), (text, phone)])
    told = [
        *refused(intake.check_quick, quick),
        *refused(intake.check_quick_many, [quick]),
        *refused(check_bulk, intake, [bulk, personal]),
    ]

    digits = "".join(c for c in phone if c.isdigit())
    for mistake in told:
        assert "Пароль" not in mistake
        assert "48-21-77" not in mistake
        assert len(digits) < 8 or digits not in mistake
        assert "write" in mistake


def test_nor_does_a_message_show_them() -> None:
    shown = repr([QUICK, BULK, PERSONAL])
    assert not any(secret in shown for secret in ("1234567", "code", "Half"))


def test_a_campaign_is_checked_into_requests(intake: Intake) -> None:
    shared, personal = check_bulk(intake, [BULK, PERSONAL])

    assert list(shared.recipients) == ["375291234567", "375291234568"]
    assert (shared.name, shared.text, shared.schedule_time) == ("Sale", "Half price", None)
    assert personal.recipients == {"375291234567": "5", "375291234568": "7"}
    assert personal.text is None


def test_recipients_may_stream_from_any_iterable(intake: Intake) -> None:
    phones: Any = (f"37529{1234567 + i}" for i in range(3))
    texts: Any = iter([["375291234567", "5"]])

    shared, personal = check_bulk(
        intake, [replace(BULK, phones=phones), replace(PERSONAL, texts=texts)]
    )
    assert len(shared.recipients) == 3
    assert personal.recipients == {"375291234567": "5"}


@pytest.mark.parametrize(
    ("when", "written"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=MINSK), "2026-12-31T23:59:59"),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "2027-01-01T02:59:59"),
        (datetime(2026, 3, 1, 12, 0, 1, 999_999, tzinfo=MINSK), "2026-03-01T12:00:01"),
    ],
)
def test_a_schedule_is_written_in_the_gateways_time(
    intake: Intake, when: datetime, written: str
) -> None:
    [request] = check_bulk(intake, [replace(BULK, schedule_time=when)])

    assert request.schedule_time == written
    assert intake.check_head(replace(BULK, schedule_time=when)).schedule_time == written


def test_a_schedule_minds_summer_time() -> None:
    berlin = Intake(
        Settings.from_env({"SMSQ_TIMEZONE": "Europe/Berlin", "SMSQ_ALPHANAME_ID": "1"}), NOW
    )
    for hour, local in ((0, "2026-03-29T01:00:00"), (1, "2026-03-29T03:00:00")):
        when = datetime(2026, 3, 29, hour, tzinfo=UTC)
        assert berlin.check_head(replace(BULK, schedule_time=when)).schedule_time == local
    missing = datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))  # left out that night
    head = berlin.check_head(replace(BULK, schedule_time=missing))
    assert head.schedule_time == "2026-03-29T03:30:00"


def test_a_phone_stands_once_in_a_message_however_it_is_written(intake: Intake) -> None:
    twice = replace(BULK, phones=["375291234567", "375291234568", "80 29 123-45-67"])
    texts = [("+375291234567", "a"), ("29 123 45 67", "b")]

    assert refused(check_bulk, intake, [twice, replace(PERSONAL, texts=texts)]) == (
        "message 1: recipient 3: phone +375*******67 occurs twice: write it once",
        "message 2: recipient 2: phone +375*******67 occurs twice: write it once",
    )
    assert len(check_bulk(intake, [BULK, PERSONAL])) == 2  # two messages may share a phone


@pytest.mark.parametrize(
    ("message", "mistakes"),
    [
        (wrong(BULK, phones=[]), ["no recipients: write at least one"]),
        (wrong(PERSONAL, texts=[]), ["no recipients: write at least one"]),
        (wrong(BULK, phones="375291234567"), ["phones is str: write a list"]),
        (wrong(BULK, phones=None), ["phones is NoneType: write a list"]),
        (wrong(BULK, phones=b"375"), ["phones is bytes: write a list"]),
        (
            wrong(PERSONAL, texts={"375291234567": "5"}),
            ["recipient 1: it is no pair: write pairs of phone and text"],
        ),
        (
            wrong(PERSONAL, texts=[("375291234567", "5"), ("375291234568",), 7]),
            ["recipient 2: it is no pair: write pairs of phone and text"],
        ),
        (
            wrong(PERSONAL, texts=[("375291234567", None)]),
            ["recipient 1: text is NoneType: write a string"],
        ),
        (wrong(BULK, phones=[None]), ["recipient 1: phone is NoneType: write a string"]),
        (wrong(BULK, name=" "), ["name: write 1 to 200 characters on one line"]),
        (wrong(BULK, name="a" * 201), ["name: write 1 to 200 characters on one line"]),
        (wrong(BULK, name="a\nb"), ["name: write 1 to 200 characters on one line"]),
        (wrong(BULK, name="\ud800"), ["name: write 1 to 200 characters on one line"]),
        (wrong(BULK, name=5), ["name: write 1 to 200 characters on one line"]),
        (QUICK, ["it is QuickMessage: write a BulkMessage or PersonalMessage"]),
        ({"name": "Sale"}, ["it is dict: write a BulkMessage or PersonalMessage"]),
    ],
)
def test_a_bad_message_of_a_campaign_is_told_once(
    intake: Intake, message: Any, mistakes: list[str]
) -> None:
    assert refused(check_bulk, intake, [message]) == tuple(f"message 1: {m}" for m in mistakes)


def test_a_campaigns_own_mistakes_are_told_with_its_messages(intake: Intake) -> None:
    bad = replace(BULK, text="")
    mistakes = refused(check_bulk, intake, [bad], key="", on_unknown="retry")

    assert [m.split(":")[0] for m in mistakes] == ["key is empty", "on_unknown", "message 1"]
    assert refused(check_bulk, intake, []) == ("messages is empty: write at least one",)


def test_nothing_is_handed_on_after_the_first_mistake(intake: Intake) -> None:
    filled = Filled()
    phones = ["375291234567", "12", "375291234568"]
    with pytest.raises(InvalidMessageError):
        intake.check_bulk([replace(BULK, phones=phones), BULK], filled, [])

    assert [list(request.recipients) for request in filled.requests] == [["375291234567"]]


@pytest.mark.parametrize("messages", [BULK, QUICK, None, 5])
def test_one_message_is_no_list(intake: Intake, messages: Any) -> None:
    told = (f"messages is {type(messages).__name__}: write a list of messages",)

    assert refused(check_bulk, intake, messages) == told
    assert refused(intake.check_quick_many, messages) == told
    assert refused(intake.check_quick_many, [BULK]) == (
        "message 1: it is BulkMessage: write a QuickMessage",
    )


def test_a_name_may_hold_any_letters(intake: Intake) -> None:
    for name in ("рассылка 1", "Sale\u00a0№ 5 😀", "x" * 200):
        assert intake.check_head(replace(BULK, name=name)).name == name


def test_rows_that_stream_in_are_checked_one_by_one(intake: Intake) -> None:
    assert intake.check_row("80 29 123-45-67", None) == ("375291234567", {})
    phone, mistakes = intake.check_row("12", "")
    assert (phone, list(mistakes)) == ("", ["phone", "text"])
    assert intake.check_head(PERSONAL).recipients == {}


def test_a_campaigns_key_and_choice_are_checked_alone_too(intake: Intake) -> None:
    hold = OnUnknown.HOLD
    assert intake.read_shared(key="sale", on_unknown=None) == ("sale", hold, [])
    assert intake.read_shared(key=None, on_unknown=None) == (None, hold, [])
    key, choice = intake.read_shared(key="", on_unknown="retry")[2]
    assert "key is empty" in key
    assert "hold, resend" in choice
