"""The limiter: one rate, one gate, for any number of workers; on a manual clock, with real Lua."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest

from smsq.domain.account import BROKEN_CLOSE_S
from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.names import Queue
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Closed, Early, Pace, Slot
from smsq.records.jobs import Claim
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.smsq.fronts import LEASES, Fronts, Gateway, Moody
from tests.smsq.world import PLAN, World

pytestmark = pytest.mark.long


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    made = World(settings)
    yield made
    made.redis.close()


def make_limiter(world: World, rate_per_s: float, burst: int = 1, share: float = 0.2) -> Limiter:
    return Limiter(world.scripts, Pace(rate_per_s=rate_per_s, burst=burst, poll_share=share))


def reserve(limiter: Limiter) -> Slot:
    slot = limiter.reserve()
    assert isinstance(slot, Slot)
    return slot


@pytest.mark.parametrize("rate_per_s", [0.5, 20 / 60, 3, 50])
def test_slots_stand_exactly_one_rate_apart(world: World, rate_per_s: float) -> None:
    world.enqueue_many(50)
    fronts = Fronts(world, Gateway(1e9), make_limiter(world, rate_per_s), fronts=4)
    fronts.run(30 / rate_per_s)

    times = [request.at_s for request in fronts.requests]
    assert len(times) in {30, 31}
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) == pytest.approx(1 / rate_per_s, rel=0.001)


def test_a_burst_is_allowed_after_a_quiet_time_and_no_more(world: World) -> None:
    world.enqueue_many(100)
    fronts = Fronts(world, Gateway(10, burst=5), make_limiter(world, 10, burst=5), fronts=2)
    fronts.run(5)

    assert sum(request.at_s == 0 for request in fronts.requests) == 5
    assert fronts.refused() == 0
    assert fronts.taken() in {53, 54, 55}


def test_a_burst_leaves_time_for_requests_that_reach_the_gateway_late(world: World) -> None:
    world.enqueue_many(10)
    limiter = make_limiter(world, 50, burst=5)
    assert [reserve(limiter).wait_s for _ in range(5)] == [0] * 5

    # The first five may reach the gateway up to 40 ms late, all at once: the allowance that is
    # there again by now stays unused.
    world.pass_s(0.02)
    assert [round(reserve(limiter).wait_s, 3) for _ in range(2)] == [0.04, 0.06]


def test_claims_that_come_late_leave_as_much_time_as_punctual_ones(world: World) -> None:
    world.enqueue_many(10)
    limiter = make_limiter(world, 50, burst=5)
    slots = [reserve(limiter) for _ in range(6)]
    world.pass_s(0.06)
    for slot in slots[:5]:
        assert isinstance(world.claims.claim(slot, limiter.pace, LEASES), Claim)

    early = world.claims.claim(slots[5], limiter.pace, LEASES)
    assert isinstance(early, Early)
    assert early.wait_s == pytest.approx(0.06, abs=0.001)


@pytest.mark.parametrize("fronts", [1, 2, 4] if HAS_REDIS else [2])
def test_a_rate_that_is_told_is_used_and_never_passed(world: World, fronts: int) -> None:
    world.enqueue_many(700)
    drive = Fronts(world, Gateway(50, burst=5), make_limiter(world, 50, burst=5), fronts=fronts)
    drive.run(10)

    assert drive.refused() == 0
    assert drive.taken() >= 0.99 * 50 * 10


@pytest.mark.real_redis  # fakeredis takes a minute
def test_a_limit_that_nobody_told_is_found(world: World) -> None:
    world.enqueue_many(1000)
    drive = Fronts(world, Gateway(20, burst=5), make_limiter(world, 200, burst=5), fronts=4)
    drive.run(40)

    assert drive.taken(10, 40) >= 0.9 * 20 * 30
    assert drive.refused() <= 0.05 * len(drive.requests)


@pytest.mark.real_redis  # fakeredis takes a minute
def test_a_limit_that_falls_and_rises_again_is_followed(world: World) -> None:
    world.enqueue_many(2500)
    gateway = Gateway(20, burst=5)
    drive = Fronts(world, gateway, make_limiter(world, 200, burst=5), fronts=2)
    drive.run(20)
    gateway.rate_per_s = 20 / 3
    drive.run(30)
    drive.run(50)
    assert drive.taken(30, 50) >= 0.85 * 20 / 3 * 20
    gateway.rate_per_s = 20
    drive.run(110)
    drive.run(130)
    assert drive.taken(110, 130) >= 0.85 * 20 * 20
    assert drive.refused() <= 0.05 * len(drive.requests)


@pytest.mark.real_redis  # fakeredis takes a minute
def test_429s_that_do_not_come_from_the_rate_do_not_stop_sending(world: World) -> None:
    world.enqueue_many(2500)
    drive = Fronts(
        world, Moody(1e9, refused_share=0.1), make_limiter(world, 250, burst=5), fronts=4
    )
    drive.run(45)

    # A tenth refused, and a pause after each: a quarter is left of 250/s.
    assert drive.taken(25, 45) >= 40 * 20


@pytest.mark.real_redis  # fakeredis takes a minute
def test_a_limit_is_found_behind_429s_that_did_not_come_from_it(world: World) -> None:
    world.enqueue_many(4000)
    gateway = Moody(10, burst=5, refused_share=0.1)
    drive = Fronts(world, gateway, make_limiter(world, 250, burst=5), fronts=8)
    drive.run(30)
    gateway.refused_share = None
    drive.run(90)

    assert drive.taken(70, 90) >= 0.85 * 10 * 20
    assert sum(not r.is_taken for r in drive.requests if r.at_s >= 70) <= 0.1 * 10 * 20


def test_retry_after_is_kept_by_everyone_and_one_probe_reopens(world: World) -> None:
    world.enqueue_many(500)
    gateway = Gateway(5, burst=1, retry_after_s=20)
    drive = Fronts(world, gateway, make_limiter(world, 50), fronts=4)
    drive.run(1)
    [first] = [r.at_s for r in drive.requests if not r.is_taken][:1]
    closed_s = first + gateway.latency_s
    gateway.rate_per_s = 1e9
    drive.run(closed_s + 25)

    after = [r.at_s for r in drive.requests if r.at_s > closed_s]
    assert after[0] >= closed_s + 19.999  # to the microsecond
    # Nobody follows before the probe is answered.
    assert after[1] >= after[0] + gateway.latency_s


@pytest.mark.real_redis  # fakeredis takes a minute
def test_a_429_costs_no_attempt_however_long_it_lasts(world: World) -> None:
    job = world.enqueue()
    drive = Fronts(world, Gateway(1e-9), make_limiter(world, 50), fronts=2, nap_s=5)
    drive.gateway.takes(0.0)  # the one that the bucket holds at first
    drive.run(3600)

    assert drive.taken() == 0
    assert 60 <= drive.refused() <= 150
    assert world.views.status(job).attempts == 0
    drive.gateway.rate_per_s = 50
    drive.run(3700)
    assert drive.taken() == 1


def test_pauses_double_while_no_probe_passes(world: World) -> None:
    world.enqueue_many(10)
    drive = Fronts(world, Gateway(1e-9), make_limiter(world, 50), fronts=1)
    drive.gateway.takes(0.0)
    drive.run(300)

    times = [request.at_s for request in drive.requests]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    for n, gap in enumerate(gaps[1:]):
        longest_s = min(0.2 * 2 ** (n + 1), 60)
        assert 0.5 * longest_s <= gap <= longest_s + 1


@pytest.mark.real_redis  # fakeredis takes a minute
def test_what_was_learnt_outlives_every_worker_and_an_idle_night(world: World) -> None:
    world.enqueue_many(1000)
    Fronts(world, Gateway(20, 2), make_limiter(world, 500, burst=2), fronts=2).run(20)
    world.pass_s(8 * 3600)
    world.redis.delete(world.keys.ready("normal"))
    world.enqueue_many(500)
    drive = Fronts(world, Gateway(20, 2), make_limiter(world, 500, burst=2), fronts=2)
    drive.run(10)

    assert drive.refused() <= 3
    assert drive.taken() >= 0.8 * 20 * 10


def test_urgent_jobs_overtake_everything_that_waits(world: World) -> None:
    world.enqueue_many(500, Queue.BULK)
    drive = Fronts(world, Gateway(1e9), make_limiter(world, 10), fronts=4)
    drive.run(5)
    urgent = world.enqueue(priority=Queue.URGENT)
    drive.run(5.11)

    claims = [request.claim for request in drive.requests]
    assert urgent in [claim.job_id for claim in claims if isinstance(claim, Claim)]


def test_endless_urgent_traffic_leaves_a_tenth_to_the_rest(world: World) -> None:
    for queue in (Queue.URGENT, Queue.NORMAL, Queue.BULK):
        world.enqueue_many(400, queue)
    drive = Fronts(world, Gateway(1e9), make_limiter(world, 100), fronts=2)
    drive.run(3)

    count = count_classes(world)
    total = sum(count.values())
    assert count["urgent"] >= 0.89 * total
    assert count["normal"] + count["bulk"] >= 0.09 * total
    assert count["bulk"] >= 1


def test_normal_traffic_leaves_a_tenth_to_bulk(world: World) -> None:
    for queue in (Queue.NORMAL, Queue.BULK):
        world.enqueue_many(400, queue)
    drive = Fronts(world, Gateway(1e9), make_limiter(world, 100), fronts=2)
    drive.run(3)

    count = count_classes(world)
    assert count["bulk"] == pytest.approx(30, abs=2)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_polls_keep_their_share_while_sends_wait(world: World, share: float) -> None:
    accept_many(world, 200)
    world.enqueue_many(400)
    drive = Fronts(world, Gateway(1e9), make_limiter(world, 100, share=share), fronts=2)
    drive.run(3)

    count = count_classes(world)
    assert count["poll"] == pytest.approx(share * 300, abs=2)


def test_polls_use_all_that_is_free(world: World) -> None:
    accept_many(world, 100)
    drive = Fronts(world, Gateway(1e9), make_limiter(world, 100), fronts=2)
    drive.run(2)

    assert count_classes(world)["poll"] == 100


def test_sends_use_all_that_is_free(world: World) -> None:
    world.enqueue_many(100, Queue.BULK)
    drive = Fronts(world, Gateway(1e9), make_limiter(world, 100), fronts=2)
    drive.run(1.1)

    assert count_classes(world) == {"bulk": 100}


def test_a_pause_holds_everybody_until_it_is_lifted(world: World) -> None:
    world.enqueue_many(100)
    limiter = make_limiter(world, 10)
    drive = Fronts(world, Gateway(1e9), limiter, fronts=2)
    drive.run(2)
    limiter.pause("paused by operator")
    before = len(drive.requests)
    drive.run(1000)
    assert len(drive.requests) == before

    limiter.resume()
    drive.run(1002)
    assert len(drive.requests) >= before + 10


def test_a_slot_reserved_before_a_pause_is_void(world: World) -> None:
    world.enqueue()
    limiter = make_limiter(world, 10)
    slot = reserve(limiter)
    limiter.pause("paused by operator")
    limiter.resume()

    assert limiter.epoch() != slot.epoch


def test_a_wrong_token_lets_one_probe_a_minute_through(world: World) -> None:
    world.enqueue_many(10)
    limiter = make_limiter(world, 1000)
    limiter.close_broken(reserve(limiter), "401: invalid token")
    assert isinstance(limiter.reserve(), Closed)

    world.pass_s(BROKEN_CLOSE_S)
    probe = reserve(limiter)
    assert probe.is_probe
    closed = limiter.reserve()
    assert isinstance(closed, Closed)
    assert closed.why == "one probe is on its way"
    limiter.close_broken(probe, "401: invalid token")
    assert isinstance(limiter.reserve(), Closed)

    limiter.resume()
    probe = reserve(limiter)
    assert probe.is_probe
    limiter.pass_probe(probe)
    assert not reserve(limiter).is_probe


def test_a_probe_that_died_is_followed_by_another(world: World) -> None:
    world.enqueue_many(10)
    limiter = make_limiter(world, 1000)
    limiter.close_broken(reserve(limiter), "401")
    world.pass_s(BROKEN_CLOSE_S)
    assert reserve(limiter).is_probe
    world.pass_s(limiter.pace.probe_s + 5)

    assert reserve(limiter).is_probe


def test_late_news_of_the_same_closing_changes_nothing(world: World) -> None:
    world.enqueue_many(10)
    limiter = make_limiter(world, 100, burst=3)
    slots = [reserve(limiter) for _ in range(3)]
    limiter.close_busy(slots[0], 5)
    before = world.redis.hgetall(world.keys.limiter)
    limiter.close_busy(slots[1], None)
    limiter.close_busy(slots[2], 3)

    assert world.redis.hgetall(world.keys.limiter) == before
    limiter.close_busy(slots[2], 8)
    closed = limiter.reserve()
    assert isinstance(closed, Closed)
    assert closed.wait_s == pytest.approx(8)


def test_a_new_rate_holds_for_everybody_at_once(world: World) -> None:
    world.enqueue_many(200)
    limiter = make_limiter(world, 0.01)
    drive = Fronts(world, Gateway(1e9), limiter, fronts=4)
    drive.run(1)
    limiter.set_rate(50, by="ops@host")
    late = Fronts(world, Gateway(1e9), limiter, fronts=1)
    late.run(1)
    assert late.taken() >= 49
    assert world.redis.hget(world.keys.limiter, "ceiling_by") == "ops@host"

    limiter.set_rate(None, by="ops@host")
    assert [round(reserve(limiter).wait_s) for _ in range(3)] == [0, 100, 200]


def test_an_unused_slot_is_given_back(world: World) -> None:
    job = world.enqueue()
    limiter = make_limiter(world, 0.1)
    slot = reserve(limiter)
    world.ledger.cancel(job)
    world.claims.claim(slot, limiter.pace, LEASES)
    world.enqueue()

    assert reserve(limiter).wait_s == 0


def test_nothing_is_forgotten_while_somebody_holds(world: World) -> None:
    job = world.enqueue(priority=Queue.BULK)
    limiter = make_limiter(world, 1)
    world.pass_s(10)
    assert limiter.find_forgotten(limit=10) == [("bulk", [(job, "quick")])]

    reserve(limiter)
    reserve(limiter)
    assert limiter.find_forgotten(limit=10) == []


def count_classes(world: World) -> Counter[str]:
    counts = world.views.stats(10).slots
    return Counter({queue: n for queue, n in counts.items() if n})


def accept_many(world: World, count: int) -> None:
    """Leave so many messages due to be polled."""
    world.enqueue_many(count)
    for _ in range(count):
        claim = world.take()
        assert isinstance(claim, Claim)
        accepted = Verdict(state=JobState.ACCEPTED, message_id=1)
        world.claims.settle(claim, accepted, PLAN)
    world.pass_s(PLAN.first_ms / 1000)
    assert len(world.polls.find_due(limit=count)) == count
    world.redis.delete(world.keys.counts)
