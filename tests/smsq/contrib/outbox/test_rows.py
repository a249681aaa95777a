"""Rows: what is written down, and what is handed over later."""

from __future__ import annotations

import dataclasses
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.contrib.outbox.rows import NotYet, TooOld, read_row, write_row, write_rows
from smsq.contrib.outbox.table import Row
from smsq.errors import InvalidMessageError
from smsq.intake.intake import CheckedQuick, Intake
from smsq.intake.new_jobs import content_of
from smsq.models import QuickMessage
from smsq.settings import Settings

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
SETTINGS = Settings.from_env({"SMSQ_ALPHANAME_ID": "123"})
PHONE = "+375 29 123-45-67"


def row_of(message: QuickMessage, settings: Settings = SETTINGS) -> Row:
    values = write_row(message, settings, now=NOW)
    del values["rank"]
    values |= {"created_at_ms": NOW_MS, "waiting_since_ms": NOW_MS}
    return Row(id=uuid.UUID(int=7), tries=1, **values)


def read_after(row: Row, seconds: float, settings: Settings = SETTINGS) -> Any:
    later = NOW + timedelta(seconds=seconds)
    now_ms = NOW_MS + round(seconds * 1000)
    return read_row(row, now_ms=now_ms, host_now=later, settings=settings)


def check(message: QuickMessage, settings: Settings, at: datetime) -> CheckedQuick:
    return Intake(settings, at).check_quick(message)


MESSAGES = st.builds(
    QuickMessage,
    phone=st.sampled_from([PHONE, "80 29 123 45 67", "375291234567"]),
    text=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20),
    alphaname_id=st.sampled_from([None, "77"]),
    priority=st.sampled_from(["urgent", "normal", "bulk"]),
    send_at=st.sampled_from([None, NOW + timedelta(hours=5)]),
    expires_in_s=st.sampled_from([None, 20_000, 50_000.5]),
    viber_name_id=st.sampled_from([None, 9]),
    on_unknown=st.sampled_from([None, "hold", "resend"]),
)


@given(message=MESSAGES, wait_s=st.integers(0, 15_000))
def test_what_is_handed_over_is_what_was_written(message: QuickMessage, wait_s: int) -> None:
    read = read_after(row_of(message), wait_s)
    before, after = (
        check(message, SETTINGS, NOW),
        check(replace(read, key=None), SETTINGS, NOW + timedelta(seconds=wait_s)),
    )

    assert read.key == str(uuid.UUID(int=7))
    assert after.request == before.request
    assert after.due_at == before.due_at
    assert (after.priority, after.viber, after.on_unknown) == (
        *(before.priority, before.viber, before.on_unknown),
    )
    if before.expires_in_s is not None:
        assert after.expires_in_s == pytest.approx(before.expires_in_s - wait_s)


@given(message=MESSAGES, waits_s=st.lists(st.integers(0, 15_000), min_size=2, max_size=2))
def test_a_row_that_is_handed_over_twice_has_one_content(
    message: QuickMessage, waits_s: list[int]
) -> None:
    row = row_of(message)
    moved = Settings.from_env(
        {"SMSQ_ALPHANAME_ID": "999", "SMSQ_DEFAULT_REGION": "PL", "SMSQ_ALLOWED_REGIONS": "BY"}
    )
    contents = {
        content_of(check(read_after(row, wait_s), settings, NOW + timedelta(seconds=wait_s)))
        for wait_s, settings in zip(waits_s, (SETTINGS, moved), strict=True)
    }

    assert len(contents) == 1


def test_every_option_of_a_message_goes_through_a_row() -> None:
    """An option that is new in smsq needs no change here."""
    not_options = {"phone", "text", "key", "again"}
    given: dict[str, Any] = {
        "alphaname_id": "77",
        "priority": "bulk",
        "send_at": NOW + timedelta(hours=1),
        "expires_in_s": 7200.0,
        "viber_name_id": 9,
        "viber_after_min": 7,
        "on_unknown": "resend",
    }
    read = read_after(row_of(QuickMessage(phone=PHONE, text="a", **given)), 0)
    gathered = read_after(row_of(QuickMessage(phone=PHONE, text="a", gather=True)), 0)

    assert {name: getattr(read, name) for name in given} == given
    assert gathered.gather is True
    names = {each.name for each in dataclasses.fields(QuickMessage)}
    assert names - not_options - {"gather"} <= {*given, "reference", "tags"}


def test_a_mistake_is_raised_when_the_row_is_written() -> None:
    wrong = QuickMessage(phone="abc", text="", priority="high")  # type: ignore[arg-type]

    with pytest.raises(InvalidMessageError) as raised:
        write_row(wrong, SETTINGS, now=NOW)

    assert len(raised.value.mistakes) == 3


@pytest.mark.parametrize("options", [{"key": "order-77"}, {"key": "order-77", "again": True}])
def test_a_row_takes_no_key_for_its_id_is_one(options: Any) -> None:
    with pytest.raises(InvalidMessageError, match="id of the row is the key"):
        write_row(QuickMessage(phone=PHONE, text="a", **options), SETTINGS, now=NOW)


def test_expiry_counts_from_when_the_row_was_written() -> None:
    row = row_of(QuickMessage(phone=PHONE, text="code", expires_in_s=300))

    assert read_after(row, 290).expires_in_s == pytest.approx(10)


def test_a_row_that_is_too_late_still_becomes_a_job_which_expires_at_once() -> None:
    row = row_of(QuickMessage(phone=PHONE, text="code", expires_in_s=300))

    assert read_after(row, 4000).expires_in_s == pytest.approx(0.001)


def test_a_row_that_came_late_is_not_gathered_any_more() -> None:
    row = row_of(QuickMessage(phone=PHONE, text="hello", expires_in_s=300, gather=True))

    assert read_after(row, 10).gather is True
    assert read_after(row, 299).gather is False
    check(read_after(row, 299), SETTINGS, NOW + timedelta(seconds=299))


def test_a_time_to_send_is_kept_waited_for_or_over() -> None:
    row = row_of(QuickMessage(phone=PHONE, text="a", send_at=NOW + timedelta(seconds=100)))

    assert read_after(row, 90).send_at == NOW + timedelta(seconds=100)
    assert read_after(row, 99) == NotYet(NOW_MS + 100_000)
    assert read_after(row, 100).send_at is None


def test_a_row_older_than_what_smsq_remembers_is_not_sent_unasked() -> None:
    row = row_of(QuickMessage(phone=PHONE, text="a"))
    asked = replace(row, waiting_since_ms=NOW_MS + SETTINGS.retention_s * 1000)

    assert isinstance(read_after(row, SETTINGS.retention_s), QuickMessage)
    assert read_after(row, SETTINGS.retention_s + 1) == TooOld()
    assert isinstance(read_after(asked, SETTINGS.retention_s + 1), QuickMessage)


def test_a_clock_that_was_set_back_makes_no_message_live_longer() -> None:
    row = row_of(QuickMessage(phone=PHONE, text="code", expires_in_s=300))

    assert read_after(row, -50).expires_in_s == 300


def test_neither_text_nor_phone_is_in_what_a_row_shows() -> None:
    row = row_of(QuickMessage(phone=PHONE, text="Your code is 4821"))

    assert "4821" not in repr(row)
    assert "1234567" not in repr(row)
    assert "4821" not in row.options
    assert json.loads(row.options) == {"alphaname_id": "123", "priority": "normal"}


@pytest.mark.parametrize("tags", [["a", "b"], ("a", "b"), {"a": 1, "b": 2}, iter(["a", "b"])])
def test_tags_of_any_kind_and_a_rows_id_as_reference_are_written_down(tags: Any) -> None:
    row_id = uuid.UUID(int=7)
    row = row_of(QuickMessage(phone=PHONE, text="code", tags=tags, reference=row_id))
    read = read_after(row, 1)

    assert (list(read.tags), read.reference) == (["a", "b"], str(row_id))


def test_each_message_of_many_that_cannot_be_sent_is_told_with_its_place() -> None:
    good, bad = QuickMessage(phone=PHONE, text="code"), QuickMessage(phone="12", text="")
    odd: Any = [good, bad, None, good]
    with pytest.raises(InvalidMessageError) as caught:
        write_rows(odd, SETTINGS, now=NOW)

    told = [(one.message_number, one.field) for one in caught.value.mistakes]
    assert told == [(2, "phone"), (2, "text"), (3, "messages")]
    assert len(write_rows(iter([good, good]), SETTINGS, now=NOW)) == 2


@pytest.mark.parametrize("odd", [None, "code", QuickMessage(phone=PHONE, text="code")])
def test_what_is_no_list_of_messages_is_refused(odd: Any) -> None:
    with pytest.raises(InvalidMessageError):
        write_rows(odd, SETTINGS, now=NOW)
