"""Whom `smsq failed` writes down: those of whom it is certain that they got nothing."""

from __future__ import annotations

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState, Kind, RecipientState
from smsq.status.failed import FailedReader
from tests.smsq.world import ACCEPTED, PLAN, World

#: Recipients who certainly got nothing, of a job that the gateway has.
GOT_NOTHING = {RecipientState.UNDELIVERED}


def failed(world: World, job: str, **options: bool) -> list[str]:
    return [phone for phone, _ in FailedReader(world.redis, world.keys, [job], **options)]


def put(world: World, job: str, states: list[RecipientState]) -> list[str]:
    """Bring a job's recipients into these states, as the ledger writes them; returns phones."""
    rows = [
        (row.phone, f"{state.value[0]}||")
        for row, state in zip(world.views.recipients(job), states, strict=True)
    ]
    for phone, packed in rows:
        world.redis.hset(world.keys.recipients(job, 1, 0), phone, packed)
    for state in RecipientState:
        world.redis.hset(world.keys.message(job, 1), state, str(states.count(state)))
    return [phone for phone, _ in rows]


def test_who_is_without_a_report_is_left_out_and_counted(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(PLAN.horizon_ms / 1000 + 10)
    world.recover()
    assert world.views.status(job).counts == {RecipientState.NO_REPORT: 1}

    assert failed(world, job) == []
    assert FailedReader(world.redis, world.keys, [job]).no_report == 1
    assert len(failed(world, job, with_no_report=True)) == 1


@pytest.mark.parametrize("with_no_report", [False, True])
def test_of_a_job_that_the_gateway_has_only_proven_failures_are_read(
    world: World, with_no_report: bool
) -> None:
    states = list(RecipientState)
    job = world.enqueue(phones=len(states))
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    phones = put(world, job, states)

    wanted = GOT_NOTHING | ({RecipientState.NO_REPORT} if with_no_report else set())
    expected = {phone for phone, state in zip(phones, states, strict=True) if state in wanted}
    assert set(failed(world, job, with_no_report=with_no_report, cancelled=True)) == expected


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("doubt", ["may_be_out", "is_proven", None])
def test_of_a_job_in_any_state_nobody_is_read_who_may_have_got_it(
    world: World, state: JobState, doubt: str | None
) -> None:
    job = world.enqueue()
    world.redis.hset(world.keys.job(job), "state", state)
    if doubt:
        world.redis.hset(world.keys.job(job), doubt, "1")

    # Dead jobs are retried.
    is_certain = state in {JobState.REJECTED, JobState.EXPIRED, JobState.CANCELLED}
    expected = 1 if is_certain and not doubt else 0
    assert len(failed(world, job, cancelled=True)) == expected


@pytest.mark.parametrize("end", ["retried", "forgotten", "cancelled"])
def test_nobody_is_both_in_the_file_and_sent_to_by_a_retry(world: World, end: str) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=3)
    world.claims.settle(world.claim(job), Verdict(state=JobState.DEAD, error="503"), PLAN)
    reader = FailedReader(world.redis, world.keys, [job], cancelled=True)
    assert (list(reader), reader.retryable) == ([], 3)

    if end == "forgotten":
        world.pass_s(4 * 86_400)
        world.recover()
    elif end == "cancelled":
        world.ledger.cancel(job)
    answer = world.scripts.run("stuck_job", job, "retry", "ops@host", "", PLAN.first_ms, 0)
    assert (answer[0] == "ok") is (end == "retried")
    assert len(failed(world, job, cancelled=True)) == (0 if end == "retried" else 3)
