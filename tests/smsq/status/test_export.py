"""The export: rows for the accountants, job by job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState, Kind, ReportRow
from smsq.status import export as module
from smsq.status.export import MESSAGE_COLUMNS, RECIPIENT_COLUMNS, Exporter, Selection
from tests.smsq.status.test_views import commit
from tests.smsq.world import ACCEPTED, PLAN, World

ALL = Selection(since=datetime(2000, 1, 1, tzinfo=UTC))


@pytest.fixture
def exporter(world: World) -> Exporter:
    return Exporter(world.redis, world.keys)


def deliver(world: World) -> str:
    """A quick job that was delivered."""
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.redis.hset(world.keys.job(job), "parts", 2)
    world.pass_s(5)
    row = ReportRow("375291234567", "delivered", "2023-11-15 01:13:21")
    world.polls.apply_page(world.claim_poll(), [row], next_offset=0, next_in_s=5)
    return job


def test_a_message_is_a_row_with_its_recipients_per_state(world: World, exporter: Exporter) -> None:
    job = deliver(world)

    [row] = exporter.messages(ALL)
    assert set(row) == set(MESSAGE_COLUMNS)
    assert (row["job"], row["kind"], row["job_state"]) == (job, "quick", "done")
    assert (row["message_id"], row["parts"], row["attempts"]) == (77, 2, 1)
    assert (row["recipients"], row["delivered"], row["pending"]) == (1, 1, 0)
    assert row["created_at"] == row["accepted_at"] == "2023-11-14T22:13:20+00:00"


def test_a_recipient_is_a_row_and_its_phone_is_masked(world: World, exporter: Exporter) -> None:
    deliver(world)

    [row] = exporter.recipients(ALL)
    assert set(row) == set(RECIPIENT_COLUMNS)
    assert (row["phone"], row["state"]) == ("+375*******67", "delivered")
    assert (row["gateway_status"], row["sent_at"]) == ("delivered", "2023-11-14T22:13:21+00:00")
    [row] = exporter.recipients(Selection(since=ALL.since, full_phones=True))
    assert row["phone"] == "375291234567"


def test_a_job_that_was_refused_says_why(world: World, exporter: Exporter) -> None:
    error = "alphaname_id is not known"
    refused = Verdict(state=JobState.REJECTED, error=error, error_class="refused")
    world.claims.settle(world.claim(world.enqueue()), refused, PLAN)

    [row] = exporter.messages(ALL)
    assert (row["job_state"], row["error"]) == ("rejected", error)


def test_the_span_is_that_of_enqueueing(world: World, exporter: Exporter) -> None:
    start = datetime.fromtimestamp(world.now_ms / 1000, UTC)
    jobs = []
    for _ in range(3):
        jobs.append(world.enqueue())
        world.pass_s(3600)

    def found(since_h: int, until_h: int | None) -> set[str]:
        until = None if until_h is None else start + timedelta(hours=until_h)
        selection = Selection(since=start + timedelta(hours=since_h), until=until)
        return {row["job"] for row in exporter.messages(selection)}

    assert found(0, None) == set(jobs)
    assert found(1, 2) == {jobs[1]}
    assert found(3, None) == set()


def test_every_recipient_of_a_campaign_is_exported_once_however_it_is_sliced(
    world: World, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = commit(world, jobs=7)
    large = world.enqueue(kind=Kind.BULK, phones=1000)
    world.enqueue_many(20)
    everything = Selection(since=ALL.since, full_phones=True)

    rows = []
    for jobs, recipients in ((100, 4000), (3, 7), (1, 1)):
        monkeypatch.setattr(module, "SLICE_JOBS", jobs)
        monkeypatch.setattr(module, "SLICE_RECIPIENTS", recipients)
        rows = list(exporter.recipients(everything))
        assert len(rows) == 14 + 1000 + 20
        assert len({(row["job"], row["phone"]) for row in rows}) == len(rows)
    campaign = [row for row in rows if row["campaign"]]
    assert {row["job"] for row in campaign} == set(draft.job_ids)
    assert sum(row["recipients"] for row in exporter.messages(ALL) if row["job"] == large) == 1000


def test_a_campaign_that_is_not_committed_is_no_part_of_it(
    world: World, exporter: Exporter
) -> None:
    job = world.enqueue()
    world.redis.hdel(world.keys.job(job), "state")

    assert list(exporter.messages(ALL)) == []
