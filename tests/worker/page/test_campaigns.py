"""Campaigns: how far each is and what holds it up; operators pause, resume and cancel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from smsq.models import BulkMessage, JobState, RecipientState
from smsq.queue import SmsQueue
from smsq.status.status import Brake, BrakeState, Campaign
from tests.worker.page.browsing import Visitor, text_of
from worker.page.views.campaigns import Paces, Row, cut_bar, gone_out

AT = datetime(2026, 11, 27, tzinfo=UTC)
CAMPAIGN = Campaign(
    id="c1",
    name="Sale",
    state=JobState.QUEUED,
    created_at=AT,
    jobs={JobState.QUEUED: 1},
    counts={RecipientState.PENDING: 80, RecipientState.SENT: 20},
    brake=None,
    unsent={},
)


@pytest.fixture
def campaign(queue: SmsQueue) -> str:
    phones = [f"37529{1_000_000 + n}" for n in range(40)]
    return str(queue.send_bulk([BulkMessage(name="Winter sale", text="hi", phones=phones)]))


def look(visitor: Visitor, path: str) -> str:
    look.asked += 1  # type: ignore[attr-defined]
    answer = visitor.get(f"{path}?n={look.asked}")  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


look.asked = 0  # type: ignore[attr-defined]


def test_a_campaign_is_listed_with_its_numbers(reader: Visitor, campaign: str) -> None:
    told = look(reader, "/campaigns")

    assert "Winter sale queued" in told
    assert campaign in told
    assert "Recipients 40" in told
    page = reader.get("/campaigns?bar").text
    assert "Recipients by state: pending report 40" in page or "pending 40" in page


def test_an_operator_pauses_resumes_and_cancels(
    operator: Visitor, reader: Visitor, campaign: str, queue: SmsQueue
) -> None:
    here = f"/campaigns/{campaign}"
    assert "40 recipients would wait" in look(operator, here)
    answer = operator.post(f"{here}/pause")
    assert answer.headers["location"] == f"{here}?said=said.campaign_paused"
    assert queue.campaign(campaign).brake
    assert "paused" in look(reader, here)

    operator.post(f"{here}/resume")
    assert queue.campaign(campaign).brake is None
    operator.post(f"{here}/cancel")
    assert queue.campaign(campaign).state is JobState.CANCELLED
    told = look(operator, here)
    assert "cancelled" in told
    assert "Resume this campaign" not in told


@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
def test_a_reader_has_no_buttons_and_may_not_act(
    reader: Visitor, campaign: str, queue: SmsQueue, act: str
) -> None:
    here = f"/campaigns/{campaign}"
    assert "<button" not in reader.get(here).text.partition("<main")[2]
    assert reader.post(f"{here}/{act}").status_code == 403
    assert reader.get(f"{here}/{act}").status_code in {404, 405}
    assert queue.campaign(campaign).state is JobState.QUEUED


def test_a_campaign_that_is_not_there_is_told(reader: Visitor) -> None:
    assert reader.get("/campaigns/c0123456789abcdef").status_code == 404


def test_the_pace_and_what_is_left_come_of_two_readings() -> None:
    now_s = 0.0
    paces = Paces(clock=lambda: now_s)
    assert paces.note(CAMPAIGN) is None
    now_s = 20.0
    later = replace(CAMPAIGN, counts={RecipientState.PENDING: 40, RecipientState.SENT: 60})
    per_s = paces.note(later)

    assert per_s == 2.0
    assert Row(later, per_s, []).left_s == 20.0
    assert Row(later, 0.0, []).left_s is None


def test_a_bar_is_whole() -> None:
    counts = {RecipientState.DELIVERED: 1, RecipientState.PENDING: 2, RecipientState.SENT: 0}
    segments = cut_bar(counts)
    assert [state for state, *_ in segments] == [RecipientState.DELIVERED, RecipientState.PENDING]
    assert sum(width for *_, width in segments) == pytest.approx(100, abs=0.1)
    assert cut_bar({}) == []
    assert gone_out(CAMPAIGN) == 20


@pytest.mark.parametrize(
    ("brake", "may_pause", "may_resume"),
    [
        (None, True, False),
        (BrakeState.PAUSED, False, True),
        (BrakeState.CANARY, True, True),
        (BrakeState.STOPPED, False, True),
        (BrakeState.CANCELLED, False, False),
    ],
)
def test_buttons_are_those_that_do_something(
    brake: BrakeState | None, may_pause: bool, may_resume: bool
) -> None:
    held = Brake(brake, "why", AT) if brake else None
    row = Row(replace(CAMPAIGN, brake=held), None, [])
    assert (row.may_pause, row.may_resume) == (may_pause, may_resume)
