"""The ledger's clock goes on evenly while Redis' own is set, and nobody else's clock counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsq.domain.outcomes import Verdict
from smsq.events.webhooks import Webhooks
from smsq.models import JobState
from smsq.names import Start
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Closed, Early, Pace, Slot
from smsq.queue import SmsQueue
from smsq.records.jobs import Claim, Leases
from smsq.settings import Settings
from smsq.store.clock import Watch, ledger_time
from tests.smsq.clocked import HOUR_S, STEPS_S, TEN_YEARS_S, SteppedWorld
from tests.smsq.world import PLAN, UNKNOWN, World

PHONE = "375291234567"
LEASES = Leases(send_ms=30_000, poll_ms=60_000)
BACK_S = (HOUR_S, TEN_YEARS_S)


@pytest.fixture
def stepped(settings: Settings) -> SteppedWorld:
    return SteppedWorld(settings)


def ten_per_s(world: World) -> Limiter:
    return Limiter(world.scripts, Pace(rate_per_s=10, burst=1))


@pytest.mark.parametrize("back_s", BACK_S)
def test_the_next_slot_comes_in_time_when_redis_clock_was_set_back(
    world: World, back_s: float
) -> None:
    world.enqueue_many(3)
    limiter = ten_per_s(world)
    slot = limiter.reserve()
    assert isinstance(slot, Slot)
    world.claims.claim(slot, limiter.pace, LEASES)
    later = limiter.reserve()
    assert isinstance(later, Slot)
    world.pass_s(-back_s)

    early = world.claims.claim(later, limiter.pace, LEASES)
    assert isinstance(early, Early)
    assert early.wait_s < 0.11
    after = limiter.reserve()
    assert isinstance(after, Slot)
    assert after.wait_s < 0.21


@pytest.mark.parametrize("back_s", BACK_S)
def test_a_closed_gate_opens_in_time_when_redis_clock_was_set_back(
    world: World, back_s: float
) -> None:
    world.enqueue_many(2)
    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)
    world.limiter.close_busy(slot, 2.0)
    world.pass_s(-back_s)

    closed = world.limiter.reserve()
    assert isinstance(closed, Closed)
    assert closed.wait_s == pytest.approx(2)
    world.pass_s(2)
    assert isinstance(world.limiter.reserve(), Slot)


@pytest.mark.parametrize("back_s", BACK_S)
def test_a_lost_probe_is_made_again_in_time_when_redis_clock_was_set_back(
    world: World, back_s: float
) -> None:
    world.enqueue_many(2)
    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)
    world.limiter.close_busy(slot, 0.1)
    world.pass_s(0.2)
    probe = world.limiter.reserve()
    assert isinstance(probe, Slot)
    assert probe.is_probe
    world.pass_s(-back_s)
    assert isinstance(world.limiter.reserve(), Closed)
    world.pass_s(world.limiter.pace.probe_s + 6)

    again = world.limiter.reserve()
    assert isinstance(again, Slot)
    assert again.is_probe


@pytest.mark.parametrize("back_s", BACK_S)
def test_a_dead_workers_claim_ends_in_time_when_redis_clock_was_set_back(
    world: World, back_s: float
) -> None:
    job = world.enqueue()
    world.claim(job, lease_s=30)
    world.pass_s(-back_s)
    world.recover()
    assert world.state(job) is JobState.SUBMITTING
    world.pass_s(31)
    world.recover()

    assert world.state(job) is JobState.UNKNOWN


@pytest.mark.parametrize("back_s", BACK_S)
def test_what_waits_goes_on_in_time_when_redis_clock_was_set_back(
    world: World, back_s: float
) -> None:
    scheduled = world.enqueue(due_at_ms=str(world.now_ms + 5_000))
    tried = world.enqueue()
    later = Verdict(state=JobState.WAITING, delay_s=5, error="503")
    world.claims.settle(world.claim(tried), later, PLAN)
    world.pass_s(-back_s)
    assert world.recover() == []
    world.pass_s(5)

    assert set(world.recover()) == {scheduled, tried}


@pytest.mark.parametrize("back_s", BACK_S)
def test_the_webhook_gets_news_in_time_when_redis_clock_was_set_back(
    settings: Settings, world: World, back_s: float
) -> None:
    webhooks = Webhooks(world.scripts, start=Start.OLDEST)
    world.enqueue()
    assert webhooks.collect() == 1
    delivery = webhooks.claim(lease_s=30)
    assert delivery
    world.pass_s(-back_s)
    world.enqueue()
    assert webhooks.claim(lease_s=30) is None
    world.pass_s(30)

    assert webhooks.collect() == 1
    again = webhooks.claim(lease_s=30)
    assert again
    assert (again.id, again.attempts) == (delivery.id, 2)


def test_nothing_ends_early_when_redis_clock_is_set_ahead(stepped: SteppedWorld) -> None:
    claimed = stepped.enqueue()
    stepped.claim(claimed, lease_s=30)
    code = stepped.enqueue(expires_in_ms="300000")
    stepped.step(HOUR_S)
    stepped.recover()
    stepped.pass_s(1)
    stepped.recover()

    assert stepped.state(claimed) is JobState.SUBMITTING
    assert stepped.state(code) is JobState.QUEUED
    stepped.pass_s(31)
    stepped.recover()
    assert stepped.state(claimed) is JobState.UNKNOWN
    assert stepped.claim(code).expires_in_s == pytest.approx(268, abs=2)


def test_time_that_really_passed_counts_whoever_was_away(stepped: SteppedWorld) -> None:
    code = stepped.enqueue(expires_in_ms="300000")
    stepped.now_us += HOUR_S * 1_000_000  # nobody looked; the worker's own clock went on as well
    stepped.recover()

    assert stepped.state(code) is JobState.EXPIRED


def test_one_process_whose_clock_stood_still_does_not_turn_back_everybodys(
    stepped: SteppedWorld,
) -> None:
    asleep = Watch(now_s=lambda: 7.0)
    asleep.look(stepped.scripts.run)
    stepped.pass_s(HOUR_S)
    before = ledger_time(stepped.redis, stepped.keys)
    asleep.look(stepped.scripts.run)

    assert ledger_time(stepped.redis, stepped.keys).stepped_s == before.stepped_s == 0


def test_many_who_see_one_step_take_it_off_once(stepped: SteppedWorld) -> None:
    others = [Watch(now_s=lambda: stepped.now_us / 1e6) for _ in range(3)]
    for watch in others:
        watch.look(stepped.scripts.run)
    stepped.step(HOUR_S)
    found = [watch.look(stepped.scripts.run) for watch in others]

    assert found == [pytest.approx(HOUR_S, abs=1), 0, 0]
    assert ledger_time(stepped.redis, stepped.keys).stepped_s == pytest.approx(HOUR_S, abs=1)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_python_and_the_scripts_read_one_clock(settings: Settings, step_s: float) -> None:
    world = World(settings)
    world.scripts._clock = lambda: None  # Redis' own
    world.enqueue()
    # As if Redis had been ahead, or behind, when it was asked last.
    seen_us = float(str(world.redis.hget(world.keys.limiter, "seen_us"))) - step_s * 1e6
    world.redis.hset(world.keys.limiter, "seen_us", f"{seen_us:.0f}")
    expected = ledger_time(world.redis, world.keys)
    world.enqueue()
    now = ledger_time(world.redis, world.keys)

    assert 0 <= now.now_s - expected.now_s < 5
    assert now.stepped_s == pytest.approx(expected.stepped_s, abs=1)


class Ahead(datetime):
    """A producer's clock; `BY` says how wrong it is."""

    BY = timedelta()

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + cls.BY


@pytest.fixture(params=[-6, 6], ids=lambda minutes: f"{minutes} min")
def wrong_minutes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """The minutes that this producer's clock is ahead."""
    minutes = float(request.param)
    monkeypatch.setattr(Ahead, "BY", timedelta(minutes=minutes))
    for module in ("producer", "reschedule"):
        monkeypatch.setattr(f"smsq.ledger.{module}.datetime", Ahead)
    return minutes


def test_a_code_expires_on_time_whatever_its_producers_clock_says(
    queue: SmsQueue, settings: Settings, wrong_minutes: float
) -> None:
    world = World(settings)
    world.scripts._clock = lambda: None  # Redis' own
    job = queue.send_quick(PHONE, "Your code is 4821", priority="urgent", expires_in_s=300)
    gathered = queue.send_personal(PHONE, "bill", expires_in_s=300).partition(".")[0]
    claim = world.take()

    assert isinstance(claim, Claim)
    assert claim.job_id == job
    assert claim.expires_in_s == pytest.approx(300, abs=10)
    now_ms = ledger_time(world.redis, world.keys).now_ms
    ends_ms = world.redis.zscore(f"{world.keys.namespace}:deadlines:{gathered}", "1")
    assert float(str(ends_ms)) - now_ms == pytest.approx(300_000, abs=10_000)


def test_a_job_for_later_is_due_on_time_whatever_its_producers_clock_says(
    queue: SmsQueue, wrong_minutes: float
) -> None:
    def due_in_s(job: str) -> float:
        keys, redis = queue._producer.ledger._keys, queue._producer.ledger._redis
        at_ms = redis.zscore(keys.due, job)
        return (float(str(at_ms)) - ledger_time(redis, keys).now_ms) / 1000

    job = queue.send_quick(PHONE, "code", send_at=Ahead.now() + timedelta(seconds=60))
    assert due_in_s(job) == pytest.approx(60, abs=10)
    queue.reschedule(job, Ahead.now() + timedelta(seconds=120))
    assert due_in_s(job) == pytest.approx(120, abs=10)


def test_a_held_claim_is_not_taken_twice_over_any_step(stepped: SteppedWorld) -> None:
    job = stepped.enqueue()
    claim = stepped.claim(job)
    for step_s in STEPS_S:
        stepped.step(step_s)
        stepped.recover()
        stepped.pass_s(1)
        stepped.recover()
        assert stepped.take() is None
    assert stepped.state(job) is JobState.SUBMITTING
    assert stepped.claims.settle(claim, UNKNOWN, PLAN)


def test_a_step_ahead_that_is_taken_back_before_anybody_looked_holds_nobody_up(
    stepped: SteppedWorld,
) -> None:
    stepped.enqueue_many(2)
    slot = stepped.limiter.reserve()
    assert isinstance(slot, Slot)
    stepped.limiter.close_busy(slot, 40)
    stepped.step(HOUR_S)
    stepped.limiter.reserve()
    stepped.step(-HOUR_S)

    closed = stepped.limiter.reserve()
    assert isinstance(closed, Closed)
    assert closed.wait_s < 42
