"""Who comes first is sent first: in a line, in a campaign, for a phone, within a millisecond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from smsq import QuickMessage, SmsQueue
from smsq.domain.outcomes import Verdict
from smsq.models import JobState, Kind
from smsq.names import PRIORITIES, Queue
from smsq.operate.stuck_jobs import StuckJobs
from smsq.records.jobs import Claim, Idempotency
from smsq.settings import Settings
from tests.smsq.gathering.test_gathering import OPEN_S, gather, job_of, new_send, phone
from tests.smsq.rules.test_rules import set_rules
from tests.smsq.world import PLAN, World

pytestmark = pytest.mark.long

BUSY = Verdict(state=JobState.QUEUED, error="429", error_class="busy", is_counted=False)
LATER = Verdict(state=JobState.WAITING, delay_s=5, error="500", error_class="temporary")
DEAD = Verdict(state=JobState.DEAD, error="gave up", error_class="temporary")

#: More than a millisecond's places, and than one call of recover takes.
MANY = 1100


def take_all(world: World) -> list[str]:
    """Claim whatever is ready; returns the jobs in the order of their claims."""
    taken = []
    while isinstance(claim := world.take(), Claim):
        taken.append(claim.job_id)
    return taken


def take(world: World) -> Claim:
    claim = world.take()
    assert isinstance(claim, Claim)
    return claim


def line(world: World, priority: Queue = Queue.NORMAL) -> list[str]:
    return [str(job) for job in world.redis.zrange(world.keys.ready(priority), 0, -1)]


def recover_all(world: World) -> None:
    while world.recover():
        pass


def test_jobs_of_one_millisecond_go_in_the_order_in_which_they_came(world: World) -> None:
    jobs: dict[Queue, list[str]] = {priority: [] for priority in PRIORITIES}
    for _ in range(30):
        for priority, listed in jobs.items():
            listed.append(world.enqueue(priority=priority))

    assert {priority: line(world, priority) for priority in PRIORITIES} == jobs


def test_a_millisecond_may_hold_more_than_it_has_places(world: World) -> None:
    jobs = [world.enqueue() for _ in range(MANY)]
    world.pass_s(0.001)
    jobs.append(world.enqueue())

    assert line(world) == jobs


def test_a_campaigns_jobs_go_in_its_order(world: World) -> None:
    draft = world.start_campaign(250, per_job=1)

    assert take_all(world) == draft.job_ids


def test_many_messages_of_one_call_go_in_its_order(queue: SmsQueue) -> None:
    ids = queue.send_quick_many(
        [QuickMessage(phone="375291234567", text=f"part {i}") for i in range(250)]
    )
    world = World(queue.settings)

    assert line(world) == ids
    world.redis.close()


def test_two_texts_for_one_phone_do_not_overtake_each_other(queue: SmsQueue) -> None:
    first = [queue.send_quick("375291234567", f"{n}. of 20") for n in range(20)]
    world = World(queue.settings)

    assert line(world) == first
    world.redis.close()


@pytest.mark.parametrize("verdict", [BUSY, LATER])
def test_a_job_that_has_to_be_sent_again_keeps_its_place(world: World, verdict: Verdict) -> None:
    jobs = [world.enqueue() for _ in range(5)]
    first, second = take(world), take(world)
    for claim in (second, first):
        world.claims.settle(claim, verdict, PLAN)
    world.pass_s(10)
    world.recover()
    jobs.append(world.enqueue())

    assert take_all(world) == jobs


def test_a_job_that_an_operator_sends_again_stands_behind(world: World, settings: Settings) -> None:
    first = world.enqueue()
    world.claims.settle(take(world), DEAD, PLAN)
    waiting = [world.enqueue() for _ in range(3)]
    StuckJobs(settings, world.redis, by="me@here").retry(first)

    assert line(world) == [*waiting, first]


def test_a_paused_campaign_goes_on_in_its_order(world: World) -> None:
    draft = world.start_campaign(40, per_job=1)
    claims = [take(world) for _ in range(3)]
    world.brakes.pause(draft.id, by="me@here")
    for claim in reversed(claims):
        world.claims.settle(claim, BUSY, PLAN)
    world.align(limit=7)
    world.pass_s(3600)
    world.brakes.resume(draft.id, by="me@here")
    world.align(limit=7)

    assert take_all(world) == draft.job_ids


def test_what_waited_for_a_canary_goes_in_order(world: World) -> None:
    draft = world.start_campaign(60, per_job=1, canary=2)
    world.align(limit=7)
    assert take_all(world) == draft.job_ids[:2]
    world.brakes.resume(draft.id, by="me@here", is_anyway=True)
    world.align(limit=7)

    assert take_all(world) == draft.job_ids[2:]


def test_jobs_for_one_moment_are_ready_in_the_order_in_which_they_came(world: World) -> None:
    at_ms = world.now_ms + 60_000
    later = [world.enqueue(due_at_ms=str(at_ms + 2)) for _ in range(20)]
    jobs = [world.enqueue(due_at_ms=str(at_ms)) for _ in range(MANY)]
    world.pass_s(70)
    recover_all(world)

    assert line(world)[:1024] == jobs[:1024]
    assert [job for job in line(world) if job in set(later)] == later
    assert [job for job in line(world) if job in set(jobs)] == jobs


def test_a_job_is_ready_at_its_moment_whatever_its_turn(world: World) -> None:
    jobs = [world.enqueue(due_at_ms=str(world.now_ms + 60_000)) for _ in range(5)]
    world.pass_s(59.999)
    assert world.recover() == []
    world.pass_s(0.001)

    assert world.recover() == jobs


def test_many_messages_for_one_moment_go_in_their_order(queue: SmsQueue) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    ids = queue.send_quick_many(
        [QuickMessage(phone="375291234567", text=f"{i}", send_at=at) for i in range(150)]
    )
    world = World(queue.settings)
    due = [str(job) for job in world.redis.zrange(world.keys.due, 0, -1)]
    world.redis.close()

    assert due == ids


def test_a_job_that_is_rescheduled_takes_its_new_turn(world: World) -> None:
    at_ms = world.now_ms + 60_000
    first, second = (world.enqueue(due_at_ms=str(at_ms)) for _ in range(2))
    assert world.scripts.run("reschedule", first, 60_000, "me@here", "") == "ok"
    world.pass_s(61)
    recover_all(world)

    assert line(world) == [second, first]


def put(world: World, count: int) -> list[str]:
    return [world.enqueue(kind=Kind.BULK, priority=Queue.BULK) for _ in range(count)]


def finish_night(world: World, jobs: Sequence[str]) -> list[str]:
    """Take what goes on in the morning, minute by minute."""
    taken: list[str] = []
    for _ in range(12 * 60):
        world.pass_s(60)
        recover_all(world)
        taken += take_all(world)
        if len(taken) == len(jobs):
            break
    return taken


def test_what_waited_for_the_morning_goes_on_in_its_order(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T23:00")
    jobs = put(world, 150)
    assert take_all(world) == []

    assert finish_night(world, jobs) == jobs


def test_what_quiet_hours_no_longer_hold_goes_on_in_its_order(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T23:00")
    jobs = put(world, 150)
    assert take_all(world) == []
    set_rules(world)
    recover_all(world)

    assert take_all(world) == jobs


def test_gathered_jobs_close_in_the_order_in_which_they_were_opened(world: World) -> None:
    jobs = [job_of(gather(world, n, group=f"g{n}")) for n in range(20)]
    world.pass_s(OPEN_S)
    recover_all(world)

    assert take_all(world) == jobs


def test_a_text_never_joins_a_job_that_closes_before_an_earlier_text_to_the_phone(
    world: World,
) -> None:
    first = gather(world, 1, text="first")
    second = gather(world, 1, text="second")
    world.ledger.cancel(first)
    third = gather(world, 1, text="third")
    sends = [second, third, *(gather(world, n) for n in range(2, 9))]
    world.pass_s(OPEN_S)
    recover_all(world)
    order = line(world)

    assert order.index(job_of(second)) < order.index(job_of(third))
    assert len(sends) == len(set(sends))


def test_a_gathered_job_that_is_full_lets_those_before_it_go_first(world: World) -> None:
    first = [gather(world, n) for n in (1, 2)]
    second = [gather(world, n) for n in (1, 2)]
    world.ledger.cancel(first[0])
    third = gather(world, 3, text="earlier")
    fourth = gather(world, 3, text="later")

    assert [job_of(third), job_of(fourth)] == [job_of(first[0]), job_of(second[0])]
    assert line(world) == [job_of(third), job_of(fourth)]


@pytest.mark.parametrize("back_s", [1, 3600, 10 * 365 * 86_400])
def test_a_clock_that_is_set_back_changes_no_order(world: World, back_s: int) -> None:
    jobs = [world.enqueue() for _ in range(5)]
    world.pass_s(-back_s)
    jobs += [world.enqueue() for _ in range(5)]
    world.pass_s(-back_s)
    jobs += [world.enqueue() for _ in range(5)]

    assert line(world) == jobs
    world.pass_s(60)
    found = dict(world.limiter.find_forgotten(limit=100))
    assert [job for job, _ in found[Queue.NORMAL]] == jobs


def test_the_sends_of_a_gathered_job_stand_in_its_request_as_they_came(world: World) -> None:
    numbers = [700, 3, 90_000, 5, 40_000, 1, 250, 60]
    for n in numbers:
        world.ledger.gather(replace(new_send(world, n), most=1000), Idempotency())
    world.pass_s(OPEN_S)
    recover_all(world)

    [message] = take(world).messages
    assert list(message.recipients.items()) == [(phone(n), f"text {n}") for n in numbers]


def test_a_moment_may_have_any_number_of_jobs_and_still_an_order(world: World) -> None:
    at_ms = world.now_ms + 60_000
    for ms in range(9):
        full = {f"{ms}:{n}": at_ms + ms + n / 1024 for n in range(1024)}
        world.redis.zadd(world.keys.due, full)
    jobs = [world.enqueue(due_at_ms=str(at_ms)) for _ in range(20)]

    assert [str(job) for job in world.redis.zrange(world.keys.due, -20, -1)] == jobs
