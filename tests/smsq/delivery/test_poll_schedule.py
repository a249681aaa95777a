"""When messages are polled: how often in three days, how far apart, by how many workers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import cast

import pytest

from smsq.delivery.polls import Polls
from smsq.domain.backoff import PollSchedule
from smsq.domain.outcomes import Verdict
from smsq.ledger.ledger import Ledger
from smsq.models import JobState, Kind
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace, Slot
from smsq.records.jobs import PollClaim
from smsq.sending.claims import Claims
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from tests.smsq.ledger.test_ledger import LEASES
from tests.smsq.world import ACCEPTED, PLAN, World

SCHEDULE = PollSchedule(first_s=5, max_s=43_200, horizon_s=259_200)


def due_times_ms(world: World) -> list[float]:
    """When messages are due for a poll, the next one first."""
    rows = world.redis.zrange(world.keys.polls, 0, -1, withscores=True)
    return [at_ms for _, at_ms in cast("list[tuple[str, float]]", rows)]


def poll_to_the_end(world: World) -> Counter[str]:
    """Let three days pass, from one due time to the next; nothing is ever final."""
    polls: Counter[str] = Counter()
    while due_ms := due_times_ms(world):
        world.now_us = max(world.now_us, round(due_ms[0] * 1000))
        world.recover()
        world.polls.find_due(limit=100)
        while isinstance(claim := world.take(), PollClaim):
            polls[claim.ref] += 1
            pause_s = SCHEDULE.pause_s(claim.age_s)
            world.polls.apply_page(claim, [], next_offset=0, next_in_s=pause_s)
    return polls


@pytest.mark.parametrize("round_", range(5))
def test_a_message_that_is_never_final_takes_at_most_18_requests(world: World, round_: int) -> None:
    quick = []
    for _ in range(5):
        quick.append(world.enqueue())
        world.claims.settle(world.claim(quick[-1]), ACCEPTED, PLAN)
    bulk = world.enqueue(kind=Kind.BULK, phones=3)
    world.claims.settle(world.claim(bulk), Verdict(state=JobState.ACCEPTED), PLAN)
    world.polls.apply_receipt(bulk, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    polls = poll_to_the_end(world)

    assert set(polls) == {f"{job}:1" for job in [*quick, bulk]}
    assert 15 <= min(polls.values()) <= max(polls.values()) <= 18
    world.pass_s(SCHEDULE.max_s)
    world.recover()
    assert {world.state(job) for job in [*quick, bulk]} == {JobState.DONE}


def test_forwarding_to_viber_lengthens_the_horizon(world: World) -> None:
    job = world.enqueue(viber_name_id="9", viber_after_min="15")
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)

    world.pass_s(PLAN.horizon_ms / 1000 + 15 * 60 - 1)
    world.recover()
    assert world.state(job) is JobState.ACCEPTED
    world.pass_s(1)
    world.recover()
    assert world.state(job) is JobState.DONE


def test_a_scheduled_campaigns_first_polls_are_spread(world: World) -> None:
    day_s = 86_400
    for _ in range(50):
        job = world.enqueue(kind=Kind.BULK, starts_at_ms=str(world.now_ms + day_s * 1000))
        world.claims.settle(world.claim(job), Verdict(state=JobState.ACCEPTED), PLAN)
        world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    due_ms = due_times_ms(world)
    first_ms = world.now_ms + day_s * 1000 + PLAN.first_ms
    assert all(first_ms <= at <= first_ms + PLAN.first_ms for at in due_ms)
    assert len(set(due_ms)) > 40


class Worker(threading.Thread):
    """Polls whatever is due until told to stop, as a worker process of its own would."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.redis = connect(settings.redis_url, timeout_s=10)
        scripts = Scripts.of(self.redis, settings)
        self.claims, self.polls = Claims(scripts), Polls(scripts, timezone="UTC")
        self.ledger = Ledger(scripts)
        self.limiter = Limiter(scripts, Pace(rate_per_s=1_000_000, burst=1000))
        self.stop = stop
        self.refs: list[str] = []

    def run(self) -> None:
        """Find, claim, write; claims are kept."""
        while not self.stop.is_set():
            self.polls.find_due(limit=100)
            slot = self.limiter.reserve()
            if isinstance(slot, Slot):
                claim = self.claims.claim(slot, self.limiter.pace, LEASES)
                if isinstance(claim, PollClaim):
                    self.refs.append(claim.ref)
                    self.polls.apply_page(claim, [], next_offset=0, next_in_s=3600)
        self.redis.close()


@pytest.fixture
def workers(settings: Settings) -> Iterator[list[Worker]]:
    """Eight workers that have not begun; all are stopped at the end."""
    stop = threading.Event()
    made = [Worker(settings, stop) for _ in range(8)]
    yield made
    stop.set()
    for worker in made:
        worker.join()


@pytest.mark.real_redis
@pytest.mark.long
def test_eight_workers_poll_a_message_once_per_due_time(
    world: World, workers: list[Worker]
) -> None:
    messages = 1000
    world.enqueue_many(messages)
    for _ in range(messages):
        claim = world.take()
        assert claim is not None
        assert not isinstance(claim, PollClaim)
        world.claims.settle(claim, ACCEPTED, PLAN)

    for worker in workers:
        worker.start()
    until = threading.Event()
    for _ in range(600):
        if sum(len(worker.refs) for worker in workers) >= messages:
            break
        until.wait(0.1)
    until.wait(0.3)  # a second poll of any of them would come now

    polls = Counter(ref for worker in workers for ref in worker.refs)
    assert len(polls) == messages
    assert set(polls.values()) == {1}
    assert sum(bool(worker.refs) for worker in workers) >= 2
