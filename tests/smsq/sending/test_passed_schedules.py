"""A schedule is looked at when the request is built: one that has passed is left out of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.operate.stuck_jobs import StuckJobs
from smsq.records.jobs import Claim
from smsq.settings import Settings
from tests.smsq.rules.test_rules import set_rules
from tests.smsq.sending.test_message_times import (
    DAY_S,
    first_poll_s,
    given_up,
    message,
    put,
    starts,
)
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World

AHEAD_S, LATE_S = 60, 3600
PHONE = 375291000001
BUSY = Verdict(state=JobState.QUEUED, error="429", error_class="busy", is_counted=False)
LATER = Verdict(state=JobState.WAITING, delay_s=LATE_S, error="500", error_class="temporary")
DEAD = Verdict(state=JobState.DEAD, error="gave up", error_class="temporary")

#: What keeps a job from the gateway until its schedule has passed.
Delay = Callable[[World, str, Settings], None]


def closed_gate(world: World, job: str, settings: Settings) -> None:
    world.limiter.pause("night")
    world.pass_s(LATE_S)
    world.limiter.resume()


def long_line(world: World, job: str, settings: Settings) -> None:
    world.pass_s(LATE_S)


def lost_worker(world: World, job: str, settings: Settings) -> None:
    world.redis.hset(world.keys.job(job), "on_unknown", "resend")
    world.claim(job)
    world.pass_s(LATE_S)
    world.recover()


def answered(*verdicts: Verdict) -> Delay:
    def delay(world: World, job: str, settings: Settings) -> None:
        for verdict in verdicts:
            world.claims.settle(world.claim(job), verdict, PLAN)
            world.pass_s(LATE_S)
            world.recover()

    return delay


def resent_by_hand(world: World, job: str, settings: Settings) -> None:
    world.claims.settle(world.claim(job), UNKNOWN, PLAN)
    world.pass_s(LATE_S)
    StuckJobs(settings, world.redis, by="me@here").resend(job)


def retried_by_hand(world: World, job: str, settings: Settings) -> None:
    world.claims.settle(world.claim(job), DEAD, PLAN)
    world.pass_s(LATE_S)
    StuckJobs(settings, world.redis, by="me@here").retry(job)


def quiet_hours(world: World, job: str, settings: Settings) -> None:
    set_rules(world, quiet="21:00-09:00")
    assert world.take() is None
    world.go_to("2026-11-25T10:00")
    world.recover()


@pytest.mark.parametrize(
    "delay",
    [
        closed_gate,
        long_line,
        lost_worker,
        answered(BUSY),
        answered(LATER),
        answered(BUSY, LATER, BUSY),
        resent_by_hand,
        retried_by_hand,
        quiet_hours,
    ],
)
def test_a_schedule_that_passed_while_its_job_waited_is_not_asked_for(
    world: World, settings: Settings, delay: Delay
) -> None:
    world.go_to("2026-11-24T22:00")
    [at_ms] = starts(world, [AHEAD_S])
    job = put(world, [message(at_ms, PHONE)])
    delay(world, job, settings)

    claim = world.take()
    assert isinstance(claim, Claim)
    assert [part.schedule_time for part in claim.messages] == [None]
    # The ledger still knows, and tells.
    assert world.redis.hget(world.keys.message(job, 1), "schedule_time")
    notes = world.redis.lrange(world.keys.timeline(job), 0, -1)
    assert any("|schedule passed|" in str(note) for note in notes)


@pytest.mark.parametrize(
    ("ahead_s", "is_kept"),
    [(-3600, False), (-1, False), (0.001, False), (10, False), (10.001, True), (DAY_S, True)],
)
def test_a_schedule_is_asked_for_while_it_is_ahead(
    world: World, ahead_s: float, is_kept: bool
) -> None:
    scheduled = message(world.now_ms + round(ahead_s * 1000), PHONE)
    job = put(world, [scheduled])

    [part] = world.claim(job).messages
    assert part.schedule_time == (scheduled.schedule_time if is_kept else None)


def test_a_message_whose_schedule_passed_begins_with_its_acceptance(world: World) -> None:
    [at_ms] = starts(world, [AHEAD_S])
    job = put(world, [message(at_ms, PHONE)])
    world.pass_s(LATE_S)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    assert first_poll_s(world, job, 1) == PLAN.first_ms / 1000

    world.pass_s(PLAN.horizon_ms / 1000 - 1)
    world.recover()
    assert given_up(world, job) == [False]
    world.pass_s(1)
    world.recover()
    assert given_up(world, job) == [True]


def test_of_several_messages_only_those_whose_time_has_passed_lose_their_schedule(
    world: World,
) -> None:
    job = put(world, [message(at, PHONE + n) for n, at in enumerate(starts(world, [0, 60, DAY_S]))])
    world.pass_s(LATE_S)

    times = [part.schedule_time is None for part in world.claim(job).messages]
    assert times == [True, True, False]
