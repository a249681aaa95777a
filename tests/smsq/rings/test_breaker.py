"""A breaker: after some failures in a row nobody tries for a moment, then one does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MaxConnectionsError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import MasterNotFoundError

from smsq.errors import InvalidMessageError, KeyConflictError, QueueUnavailableError
from smsq.rings.breaker import Breaker, breaker_of
from smsq.store.connection import connect, is_away, unavailable

PAUSE_S, OPENS_AFTER = 1.0, 3


class BreakerMachine(RuleBasedStateMachine):
    """Against a model that has the whole history: what ended how, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.breaker = Breaker(PAUSE_S, opens_after=OPENS_AFTER, clock=lambda: self.now_s)
        self.failed_at_s: list[float] = []  # since the last success
        self.let_through_at_s: float | None = None

    @property
    def is_open(self) -> bool:
        return len(self.failed_at_s) >= OPENS_AFTER

    @rule(seconds=st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def a_call_is_not_answered(self) -> None:
        self.breaker.fail()
        self.failed_at_s.append(self.now_s)
        self.let_through_at_s = None

    @rule()
    def a_call_is_answered(self) -> None:
        self.breaker.succeed()
        self.failed_at_s, self.let_through_at_s = [], None

    @rule(callers=st.integers(1, 5))
    def calls_ask(self, callers: int) -> None:
        allowed = sum(self.breaker.allows() for _ in range(callers))
        if not self.is_open:
            assert allowed == callers
            return
        since_s = self.let_through_at_s or self.failed_at_s[-1]
        is_due = self.now_s - since_s >= PAUSE_S
        assert allowed == int(is_due)
        if is_due:
            self.let_through_at_s = self.now_s

    @invariant()
    def what_has_not_failed_often_enough_in_a_row_is_tried(self) -> None:
        if not self.is_open:
            assert self.breaker.allows()


@pytest.mark.machine
def test_whatever_happens_it_lets_through_what_the_model_does() -> None:
    run_state_machine_as_test(BreakerMachine)


def test_of_many_threads_that_come_after_the_pause_one_is_let_through() -> None:
    now_s = 0.0
    breaker = Breaker(PAUSE_S, opens_after=1, clock=lambda: now_s)
    for now_s in (0.0, PAUSE_S, 2 * PAUSE_S):  # noqa: B007 - the breaker's clock reads it
        breaker.fail()
    now_s = 3 * PAUSE_S
    together = threading.Barrier(16)

    def ask(_: int) -> bool:
        together.wait()
        return breaker.allows()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(16))) == 1


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (RedisTimeoutError("Timeout reading from socket"), True),
        (RedisConnectionError("Connection refused"), True),
        (OSError("no route"), True),
        (MasterNotFoundError("no sentinel names a primary shop"), True),
        (BusyLoadingError("loading"), False),
        (AuthenticationError("WRONGPASS"), False),
        (MaxConnectionsError("all are in use"), False),
        (ResponseError("OOM command not allowed"), False),
        (RedisConnectionError("max number of clients reached"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_is_no_silence(error: Exception, away: bool) -> None:
    assert is_away(error) is away


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    client = connect(redis_url)
    yield client
    client.close()


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(60, opens_after=OPENS_AFTER)


def fail_in_block(redis: Redis, breaker: Breaker, error: Exception) -> None:
    with pytest.raises(Exception), unavailable(redis, writes=True, tries=breaker):  # noqa: B017, PT011
        raise error


def test_three_calls_that_were_not_answered_keep_the_next_from_asking(
    redis: Redis, breaker: Breaker
) -> None:
    for _ in range(OPENS_AFTER):
        fail_in_block(redis, breaker, RedisTimeoutError("Timeout reading from socket"))

    entered = False
    with (
        pytest.raises(QueueUnavailableError, match="nothing was stored") as caught,
        unavailable(redis, writes=True, in_pieces=True, tries=breaker),
    ):
        entered = True
    assert not entered
    assert not caught.value.may_be_stored


@pytest.mark.parametrize(
    "between",
    [
        lambda redis, breaker: fail_in_block(redis, breaker, ResponseError("OOM full")),
        lambda redis, breaker: fail_in_block(redis, breaker, KeyConflictError("k")),
        lambda redis, breaker: enter(redis, breaker),
    ],
    ids=["a refusal", "a conflict", "an answer"],
)
def test_an_answer_between_failures_starts_the_count_anew(
    redis: Redis, breaker: Breaker, between: Callable[[Any, Any], None]
) -> None:
    for _ in range(OPENS_AFTER):
        fail_in_block(redis, breaker, RedisTimeoutError("Timeout reading from socket"))
        between(redis, breaker)

    enter(redis, breaker)


def enter(redis: Redis, breaker: Breaker) -> None:
    with unavailable(redis, writes=True, tries=breaker):
        pass


def test_what_a_caller_does_wrong_says_nothing_of_redis(redis: Redis, breaker: Breaker) -> None:
    for _ in range(OPENS_AFTER + 1):
        fail_in_block(redis, breaker, InvalidMessageError(["k"]))
    for _ in range(OPENS_AFTER):
        fail_in_block(redis, breaker, RedisTimeoutError("Timeout reading from socket"))
        fail_in_block(redis, breaker, InvalidMessageError(["k"]))

    assert not breaker.allows()


def test_queues_on_one_redis_share_a_breaker_and_a_forked_process_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, same = (breaker_of("redis://127.0.0.1:1/0") for _ in range(2))
    other = breaker_of("redis://127.0.0.1:1/1")
    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert one is same
    assert len({one, other, breaker_of("redis://127.0.0.1:1/0")}) == 3
