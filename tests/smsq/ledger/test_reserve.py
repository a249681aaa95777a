"""A Redis that is nearly full: what is new is refused first, and what is stored goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from smsq.errors import QueueUnavailableError
from smsq.models import BulkMessage, JobState
from smsq.queue import SmsQueue
from smsq.records.jobs import Claim
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.smsq.world import ACCEPTED, PLAN, World
from tests.support import RedisServer, wait_until

pytestmark = pytest.mark.skipif(not HAS_REDIS, reason="needs a redis-server to fill")

PHONE, OTHER = "+375291234567", "+375291234568"
MAXMEMORY_MB, PIECE = 48, 2**16
JUNK = "not-smsqs"


@dataclass
class SmallRedis:
    """A server with a bound, a web app and a worker on it."""

    queue: SmsQueue
    world: World

    def fill_to(self, share: float) -> None:
        """Have so much of the memory used, by something that is not smsq's."""
        redis = self.world.redis
        self.make_room()
        missing = share * MAXMEMORY_MB * 2**20 - int(redis.info("memory")["used_memory"])
        for n in range(round(missing / PIECE)):
            redis.set(f"{JUNK}:{n}", "x" * (PIECE - 100))
        # Whoever enqueues looks ten times a second.
        redis.delete(f"{self.world.keys.namespace}:memory")

    def make_room(self) -> None:
        """Delete what is not smsq's."""
        if junk := [*self.world.redis.scan_iter(f"{JUNK}:*", 1000)]:
            self.world.redis.delete(*junk)


@pytest.fixture
def small(tmp_path: Path, environ: dict[str, str]) -> Iterator[SmallRedis]:
    with RedisServer(tmp_path, "--maxmemory", f"{MAXMEMORY_MB}mb") as server:
        settings = Settings.from_env(environ | {"SMSQ_REDIS_URL": server.url})
        made = SmallRedis(SmsQueue(settings=settings), World(settings))
        made.queue.send_quick(PHONE, "code")  # scripts, connections
        yield made
        made.queue.close()
        made.world.redis.close()


def test_others_are_refused_before_urgent_ones_and_nothing_is_stored(small: SmallRedis) -> None:
    queue = small.queue
    small.fill_to(0.83)
    before = sum(queue.stats().jobs.values())

    for send in (
        lambda: queue.send_quick(PHONE, "see you", priority="normal"),
        lambda: queue.send_personal(PHONE, "You owe 5"),
        lambda: queue.send_bulk([BulkMessage(name="Sale", text="sale", phones=[PHONE])]),
    ):
        with pytest.raises(QueueUnavailableError, match="nearly full") as raised:
            send()
        assert not raised.value.may_be_stored
        assert "raise maxmemory" in str(raised.value)
    assert sum(queue.stats().jobs.values()) == before
    assert queue.send_quick(PHONE, "code", priority="urgent").is_new

    small.fill_to(0.92)
    with pytest.raises(QueueUnavailableError, match="nearly full"):
        queue.send_quick(PHONE, "code", priority="urgent")


def test_a_repeat_is_answered_however_full_it_is(small: SmallRedis) -> None:
    first = small.queue.send_quick(PHONE, "code", key="login-1")
    small.fill_to(0.92)

    assert small.queue.send_quick(PHONE, "code", key="login-1") == first


def test_what_is_stored_goes_on_in_the_reserve(small: SmallRedis) -> None:
    world, queue = small.world, small.queue
    job = world.enqueue()
    sale = BulkMessage(name="Sale", text="sale", phones=[PHONE])
    campaign = queue.send_bulk([sale])
    small.fill_to(0.92)

    assert queue.pause(campaign)
    assert queue.optout.add([OTHER]) == 1
    while world.state(job) is not JobState.ACCEPTED:
        claim = world.take()
        assert isinstance(claim, Claim)
        assert world.claims.settle(claim, ACCEPTED, PLAN)


def test_it_takes_messages_again_by_itself(small: SmallRedis) -> None:
    small.fill_to(0.92)
    with pytest.raises(QueueUnavailableError):
        small.queue.send_quick(PHONE, "code")
    small.make_room()

    def is_taken() -> bool:
        with suppress(QueueUnavailableError):
            return bool(small.queue.send_quick(PHONE, "code"))
        return False

    wait_until(is_taken, "it looks again")


def test_one_producer_cannot_fill_it(small: SmallRedis) -> None:
    small.fill_to(0.7)
    sent = 0

    def is_refused() -> bool:
        nonlocal sent
        try:
            small.queue.send_quick(PHONE, "x" * 400, priority="bulk")
        except QueueUnavailableError as error:
            return "nearly full" in str(error)
        sent += 1
        return False

    assert any(is_refused() for _ in range(100_000))
    assert sent > 100
    used = int(small.world.redis.info("memory")["used_memory"])
    assert used < 0.9 * MAXMEMORY_MB * 2**20
    assert small.queue.send_quick(PHONE, "code", priority="urgent").is_new
