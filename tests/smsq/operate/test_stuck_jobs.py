"""What operators decide: unknown and dead jobs, and what happened to any job."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.models import JobState, Kind, OnUnknown, Settlement
from smsq.operate.stuck_job import Rule
from smsq.operate.stuck_jobs import StuckJobs
from smsq.settings import Settings
from smsq.status.timeline import read_note
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World

DEAD = Verdict(state=JobState.DEAD, error="gave up after 8 attempts: 500", error_class="temporary")
REFUSED = Verdict(state=JobState.DEAD, error="gave up: no route", error_class="not_sent")


@pytest.fixture
def operator(settings: Settings, world: World) -> StuckJobs:
    return StuckJobs(settings, world.redis, by="olga@night")


def make(world: World, verdict: Verdict) -> str:
    job = world.enqueue()
    world.claims.settle(world.claim(job), verdict, PLAN)
    return job


def steps(operator: StuckJobs, job: str) -> list[str]:
    return [note.what for note in operator.timeline(job)]


def test_stuck_jobs_are_listed_the_longest_stuck_first(operator: StuckJobs, world: World) -> None:
    first = make(world, UNKNOWN)
    world.pass_s(60)
    second = make(world, UNKNOWN)
    dead = make(world, DEAD)
    make(world, ACCEPTED)

    unknown = list(operator.find(JobState.UNKNOWN))
    assert [job.id for job in unknown] == [first, second]
    assert unknown[0].error == "no answer"
    assert (unknown[1].since - unknown[0].since).total_seconds() == 60
    assert [job.id for job in operator.find(JobState.DEAD)] == [dead]


def test_dead_jobs_are_found_by_their_error(operator: StuckJobs, world: World) -> None:
    temporary, refused = make(world, DEAD), make(world, REFUSED)

    assert [job.id for job in operator.find(JobState.DEAD, Rule(error_class="temporary"))] == [
        temporary
    ]
    assert [job.id for job in operator.find(JobState.DEAD, Rule(error_class="not_sent"))] == [
        refused
    ]


def test_an_unknown_job_is_sent_again_once_asked_and_says_who_asked(
    operator: StuckJobs, world: World
) -> None:
    job = make(world, UNKNOWN)
    operator.resend(job, why="the customer called")

    assert world.claim(job).attempts == 2
    notes = operator.timeline(job)
    assert [note.what for note in notes] == [
        "queued",
        "submitting",
        "unknown",
        "operator: resend",
        "queued",
        "submitting",
    ]
    assert notes[3].detail == "by olga@night: the customer called"
    assert list(operator.find(JobState.UNKNOWN)) == []


@pytest.mark.parametrize(
    ("settlement", "state"),
    [(Settlement.ACCEPTED, JobState.ACCEPTED), (Settlement.FAILED, JobState.REJECTED)],
)
def test_an_unknown_job_is_settled_by_hand(
    operator: StuckJobs, world: World, settlement: Settlement, state: JobState
) -> None:
    job = make(world, UNKNOWN)
    operator.settle(job, settlement, why="asked the gateway's support")

    assert world.state(job) is state
    assert world.redis.hget(world.keys.message(job, 1), "text") is None
    assert f"operator: {settlement}" in steps(operator, job)
    assert world.take() is None


def test_what_is_not_stuck_is_left_alone(operator: StuckJobs, world: World) -> None:
    accepted = make(world, ACCEPTED)
    for act in (
        lambda: operator.resend(accepted),
        lambda: operator.retry(accepted),
        lambda: operator.settle(accepted, Settlement.FAILED),
    ):
        with pytest.raises(InvalidMessageError, match="is accepted: there is nothing to"):
            act()
    with pytest.raises(NotFoundError):
        operator.resend("jnope")
    assert world.state(accepted) is JobState.ACCEPTED


def test_a_second_resend_of_the_same_attempt_is_refused(operator: StuckJobs, world: World) -> None:
    job = make(world, UNKNOWN)
    operator.resend(job)

    with pytest.raises(InvalidMessageError, match="is queued"):
        operator.resend(job)


def test_a_dead_job_gets_all_its_attempts_again(operator: StuckJobs, world: World) -> None:
    job = make(world, DEAD)
    operator.retry(job, why="the gateway is back")

    assert world.claim(job).attempts == 1
    assert list(operator.find(JobState.DEAD)) == []


def test_a_dead_job_without_its_text_says_so(operator: StuckJobs, world: World) -> None:
    job = make(world, DEAD)
    world.pass_s(3 * 86400)
    world.recover()

    with pytest.raises(InvalidMessageError, match="has no text any more"):
        operator.retry(job)
    assert world.state(job) is JobState.DEAD


def test_a_receipt_settles_an_unknown_job_and_stands_in_the_timeline(
    operator: StuckJobs, world: World
) -> None:
    job = world.enqueue(kind=Kind.BULK)
    world.claims.settle(world.claim(job), UNKNOWN, PLAN)
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    assert steps(operator, job)[-2:] == ["receipt", "accepted"]
    assert list(operator.find(JobState.UNKNOWN)) == []


def test_a_lease_that_ended_says_what_happened(operator: StuckJobs, world: World) -> None:
    job = world.enqueue(on_unknown=OnUnknown.HOLD)
    world.claim(job, lease_s=30)
    world.pass_s(31)
    world.recover()

    [stuck] = operator.find(JobState.UNKNOWN)
    assert stuck.error_class == "unknown"
    assert "the worker died or stalled" in stuck.error
    assert "the worker died or stalled" in operator.timeline(job)[-1].detail


def test_a_timeline_is_bounded(operator: StuckJobs, world: World) -> None:
    job = world.enqueue()
    for _ in range(80):
        busy = Verdict(state=JobState.QUEUED, error="429", is_counted=False)
        world.claims.settle(world.claim(job), busy, PLAN)

    assert len(operator.timeline(job)) == 100


def test_a_reason_is_one_short_line(operator: StuckJobs, world: World) -> None:
    job = make(world, UNKNOWN)
    for why in ("x" * 201, "two\nlines"):
        with pytest.raises(InvalidMessageError, match="why: write at most 200"):
            operator.resend(job, why=why)


@given(st.integers(0, 2**41), st.sampled_from(["queued", "receipt"]), st.text())
@settings(max_examples=50)
def test_any_detail_is_read_back(at_ms: int, what: str, detail: str) -> None:
    note = read_note(f"{at_ms}|{what}|{detail}")

    assert (note.what, note.detail) == (what, detail)
    assert round(note.at.timestamp() * 1000) == at_ms
