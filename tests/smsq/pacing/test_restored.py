"""A ledger that was put back to what it was: nothing goes out twice before an operator looks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smsq.models import JobState
from smsq.pacing.slots import Closed, Pace, Slot
from smsq.records.jobs import Claim, Leases, NoClaim
from smsq.settings import Settings
from smsq.store.clock import Watch
from tests.smsq.clocked import SteppedWorld
from tests.smsq.world import ACCEPTED, PLAN, World

LEASES = Leases(send_ms=30_000, poll_ms=60_000)
PACE = Pace(rate_per_s=1000, burst=10)
#: As in pacing/limit.lua.
FORGIVEN_S = 5


@pytest.fixture
def world(settings: Settings) -> SteppedWorld:
    """A ledger and a worker that remembers what it sent."""
    return SteppedWorld(settings)


def copy_of(world: World) -> Callable[[], None]:
    """Copy the whole ledger; what it returns puts the copy in the ledger's place."""
    names = f"{world.keys.namespace}:*"
    copy = {name: world.redis.dump(name) for name in map(str, world.redis.scan_iter(names))}

    def restore() -> None:
        world.redis.delete(*map(str, world.redis.scan_iter(names)))
        for name, packed in copy.items():
            assert packed
            world.redis.restore(name, 0, packed)

    return restore


def send_one(world: World, *, asks: Watch | None = None) -> bool:
    """Have a worker send what is next in line; False where the ledger gave it nothing."""
    slot = world.limiter.reserve()
    if not isinstance(slot, Slot):
        return False
    claim = world.claims.claim(slot, PACE, LEASES)
    if not isinstance(claim, Claim):
        return False
    watch = asks or world.scripts.watch
    assert watch
    watch.note_request(claim.claimed_at_s)
    assert world.claims.settle(claim, ACCEPTED, PLAN)
    return True


pytestmark = pytest.mark.real_redis  # fakeredis dumps nothing that can be restored


@pytest.mark.parametrize("old_s", [6, 10, 3600, 86_400])
def test_what_went_out_since_the_copy_does_not_go_out_again(
    world: SteppedWorld, old_s: float
) -> None:
    job = world.enqueue()
    restore = copy_of(world)
    world.pass_s(old_s)
    assert send_one(world)
    restore()
    assert world.state(job) is JobState.QUEUED

    closed = world.limiter.reserve()
    assert isinstance(closed, Closed)
    assert "older than what was sent" in closed.why
    assert not send_one(world)

    world.limiter.resume()
    assert send_one(world)
    assert world.limiter.reserve() is None, "nothing is left, and nobody pauses again"


def test_a_slot_of_before_the_restore_is_worth_nothing(world: SteppedWorld) -> None:
    world.enqueue_many(3)
    restore = copy_of(world)
    world.pass_s(60)
    assert send_one(world)
    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)
    restore()

    assert isinstance(world.claims.claim(slot, PACE, LEASES), NoClaim)
    assert isinstance(world.limiter.reserve(), Closed)


def test_what_a_crash_forgets_stops_nobody(world: SteppedWorld) -> None:
    world.enqueue_many(3)
    assert send_one(world)
    restore = copy_of(world)
    world.pass_s(FORGIVEN_S - 1)
    assert send_one(world)
    restore()

    assert send_one(world)


def test_a_copy_of_an_idle_ledger_stops_nobody(world: SteppedWorld) -> None:
    world.enqueue_many(1)
    assert send_one(world)
    restore = copy_of(world)
    world.pass_s(86_400)
    restore()
    world.enqueue_many(1)

    assert send_one(world)


def test_a_worker_that_sent_nothing_since_the_copy_cannot_know(world: SteppedWorld) -> None:
    """So the commands of docs/operations.md pause first, while no worker runs."""
    world.enqueue_many(2)
    restore = copy_of(world)
    world.pass_s(60)
    assert send_one(world, asks=Watch())
    restore()

    assert send_one(world)


def test_a_worker_that_never_sent_knows_it_from_the_others(
    world: SteppedWorld, settings: Settings
) -> None:
    """Else its first claim would hide from them that the ledger is old."""
    world.enqueue_many(3)
    restore = copy_of(world)
    idle = SteppedWorld(settings)
    for one in (world, idle):
        one.pass_s(60)
    assert send_one(world)
    assert isinstance(world.limiter.reserve(), Slot)
    for one in (world, idle):
        one.pass_s(1)
    restore()

    assert isinstance(idle.limiter.reserve(), Closed)
    assert isinstance(world.limiter.reserve(), Closed)
    idle.redis.close()


def test_an_emptied_ledger_goes_on_and_says_when_it_forgot(world: SteppedWorld) -> None:
    world.enqueue_many(1)
    assert send_one(world)
    world.pass_s(60)
    world.redis.delete(*map(str, world.redis.scan_iter(f"{world.keys.namespace}:*")))
    world.enqueue_many(1)

    world.pass_s(1)
    assert world.scripts.watch
    assert world.scripts.watch.is_emptied


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps_s=st.lists(st.integers(0, 20), min_size=1, max_size=6), data=st.data())
def test_whatever_is_restored_only_what_a_crash_could_forget_goes_out_again(
    world: SteppedWorld, gaps_s: list[int], data: st.DataObject
) -> None:
    names = [*map(str, world.redis.scan_iter(f"{world.keys.namespace}:*"))]
    world.redis.delete(f"{world.keys.namespace}:none", *names)
    world.scripts.watch = Watch(now_s=lambda: world.now_us / 1e6)
    world.enqueue_many(2 * len(gaps_s))
    copied_at = data.draw(st.integers(0, len(gaps_s) - 1))
    for gap_s in gaps_s[:copied_at]:
        world.pass_s(gap_s)
        assert send_one(world)
    restore = copy_of(world)
    for gap_s in gaps_s[copied_at:]:
        world.pass_s(gap_s)
        assert send_one(world)
    restore()

    is_late = sum(gaps_s[copied_at:]) > FORGIVEN_S
    assert isinstance(world.limiter.reserve(), Closed) == is_late
