"""Jobs made of checked messages, and the digests that make a call repeatable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.intake.intake import Intake
from smsq.intake.new_jobs import (
    assemble_quick,
    digest,
    new_campaign_id,
    new_job_id,
)
from smsq.models import Kind, QuickMessage
from smsq.names import Queue
from smsq.records.jobs import Idempotency, NewJob
from smsq.settings import Settings

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SETTINGS = Settings.from_env({"SMSQ_ALPHANAME_ID": "123"})
MESSAGE = QuickMessage(phone="+375 29 123-45-67", text="Your code is 4821", key="order-12")


def assemble(message: QuickMessage, settings: Settings = SETTINGS) -> tuple[NewJob, Idempotency]:
    return assemble_quick(Intake(settings, NOW).check_quick(message), settings)


def test_ids_are_random_and_say_what_they_name() -> None:
    jobs, campaigns = ({make() for _ in range(100)} for make in (new_job_id, new_campaign_id))

    assert len(jobs) == len(campaigns) == 100
    assert all(i[0] == "j" and len(i) == 17 and i.isalnum() for i in jobs)
    assert all(i[0] == "c" and len(i) == 17 and i.isalnum() for i in campaigns)


def test_a_plain_job_has_no_more_than_it_needs() -> None:
    job, once = assemble(replace(MESSAGE, key=None))

    assert job.kind is Kind.QUICK
    assert job.priority is Queue.NORMAL
    assert job.fields == {"on_unknown": "hold"}
    assert job.due_in_ms is None
    assert [list(message.recipients) for message in job.messages] == [["375291234567"]]
    assert once == Idempotency()


def test_a_job_with_everything_has_it_in_its_fields() -> None:
    keeping = replace(SETTINGS, keep_texts=True)
    job, _ = assemble(
        replace(
            MESSAGE,
            priority="urgent",
            viber_name_id=9,
            viber_after_min=15,
            send_at=NOW + timedelta(seconds=60),
            expires_in_s=120,
            on_unknown="resend",
        ),
        keeping,
    )

    assert job.priority is Queue.URGENT
    assert job.due_in_ms == 60_000
    assert job.fields == {
        "on_unknown": "resend",
        "keep_texts": "1",
        "viber_name_id": "9",
        "viber_after_min": "15",
        "expires_in_ms": "120000",
    }


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"phone": "80 29 123-45-67"},
        {"priority": "urgent"},
        {"alphaname_id": "123"},
        {"expires_in_s": 60},
        {"on_unknown": "resend"},
    ],
)
def test_a_call_is_the_same_however_urgent_and_however_written(same: dict[str, Any]) -> None:
    assert assemble(replace(MESSAGE, **same))[1] == assemble(MESSAGE)[1]


@pytest.mark.parametrize(
    "other",
    [
        {"text": "Your code is 4822"},
        {"phone": "+375 29 123-45-68"},
        {"alphaname_id": "234"},
        {"send_at": NOW + timedelta(hours=1)},
        {"viber_name_id": 9},
        {"viber_name_id": 9, "viber_after_min": 15},
    ],
)
def test_a_call_is_another_when_what_is_sent_is_another(other: dict[str, Any]) -> None:
    once, again = assemble(MESSAGE)[1], assemble(replace(MESSAGE, **other))[1]

    assert again.key == once.key
    assert again.content != once.content


def test_neither_key_nor_text_can_be_read_from_a_digest() -> None:
    _, once = assemble(MESSAGE)

    assert len(once.key) == len(once.content) == 32
    assert "order-12" not in repr(once)
    assert "4821" not in repr(once)


@given(st.text(), st.text())
def test_digests_are_equal_where_texts_are(one: str, other: str) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def test_a_key_may_hold_what_utf8_cannot() -> None:
    assert digest("\ud800") != digest("?")
