"""SMSQ_PER_PHONE: no more quick messages to one phone than it allows, whoever hands them in."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from subprocess import PIPE, Popen

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smsq.contrib.outbox.hand_over import hand_over
from smsq.errors import KeyConflictError, LimitedError
from smsq.intake.new_jobs import new_job_id
from smsq.models import Kind, MessageRequest, QuickMessage
from smsq.names import Queue
from smsq.queue import SmsQueue
from smsq.records.jobs import Idempotency, NewJob
from smsq.settings import Settings
from tests.smsq.world import World
from tests.support import forget

PHONE, OTHER = "+375291234567", "+375291234568"
HOUR_MS = 3_600_000


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"SMSQ_PER_PHONE": "3/1h"}


def count_taken(send: Callable[[], object], calls: int) -> int:
    taken = 0
    for _ in range(calls):
        with suppress(LimitedError):
            send()
            taken += 1
    return taken


def test_what_is_too_much_is_refused_with_how_long_to_wait(queue: SmsQueue) -> None:
    for priority in ("urgent", "normal", "bulk"):
        queue.send_quick(PHONE, "code", priority=priority)

    with pytest.raises(LimitedError, match="SMSQ_PER_PHONE allows: try again in 3600 s") as raised:
        queue.send_quick(PHONE, "code", priority="urgent")
    assert 3590 < raised.value.retry_after_s <= 3600
    assert "1234567" not in str(raised.value)
    queue.send_quick(OTHER, "code")


def test_a_repeat_with_the_same_key_does_not_count_and_is_answered_after_the_limit(
    queue: SmsQueue,
) -> None:
    ids = [queue.send_quick(PHONE, "code", key=f"login-{n}") for n in (1, 1, 1, 2, 3)]

    assert len(set(ids)) == 3
    assert queue.send_quick(PHONE, "code", key="login-3") == ids[-1]
    with pytest.raises(LimitedError):
        queue.send_quick(PHONE, "code", key="login-4")


def test_campaigns_and_gathered_messages_have_limits_of_their_own(queue: SmsQueue) -> None:
    assert count_taken(lambda: queue.send_personal(PHONE, "bill"), 5) == 5
    assert count_taken(lambda: queue.send_quick(PHONE, "code"), 5) == 3


def test_of_many_the_others_are_stored_and_the_error_says_which(queue: SmsQueue) -> None:
    messages = [QuickMessage(phone=p, text="code") for p in (PHONE, OTHER, PHONE, PHONE, PHONE)]

    with pytest.raises(LimitedError, match=r"^message 5: .* the other 4 messages") as raised:
        queue.send_quick_many(messages)
    error = pickle.loads(pickle.dumps(raised.value))
    assert [some_id is None for some_id in error.stored] == [False] * 4 + [True]
    assert [*error.limited] == [5]
    assert queue.status(str(error.stored[1])).id == error.stored[1]


def test_where_a_key_is_in_the_way_too_the_limit_is_told(queue: SmsQueue) -> None:
    queue.send_quick(OTHER, "code", key="a")
    count_taken(lambda: queue.send_quick(PHONE, "code"), 3)
    other = QuickMessage(phone=OTHER, text="another", key="a")

    with pytest.raises(LimitedError) as raised:
        queue.send_quick_many([other, QuickMessage(phone=PHONE, text="code")])
    assert (raised.value.stored, [*raised.value.limited]) == ((None, None), [2])
    with pytest.raises(KeyConflictError):
        queue.send_quick_many([other])


def test_a_row_of_an_outbox_fails_and_does_not_hold_up_the_others(queue: SmsQueue) -> None:
    count_taken(lambda: queue.send_quick(PHONE, "code"), 3)
    rows = {
        n: QuickMessage(phone=p, text="code", key=f"k{n}") for n, p in enumerate((PHONE, OTHER))
    }

    handed = hand_over(queue, rows)  # type: ignore[arg-type]
    assert handed.outage is None
    assert handed.outcomes[0].code == "phone_limited"  # type: ignore[index,union-attr]
    assert handed.outcomes[1].job_id  # type: ignore[index,union-attr]


@given(
    limits=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 60)), min_size=1, max_size=3),
    pauses=st.lists(st.integers(0, 30), min_size=1, max_size=25),
)
@hypothesis_settings(max_examples=60)
def test_each_limit_holds_in_each_time_and_the_wait_told_is_the_shortest(
    world_of_examples: World, limits: list[tuple[int, int]], pauses: list[int]
) -> None:
    world = world_of_examples
    phone = f"3752{world.redis.incr('per.phone:examples'):08}"
    taken_s: list[int] = []
    for pause in pauses:
        world.pass_s(pause)
        now_s = world.now_us // 1_000_000
        wait_s = max(
            (taken_s[-most] + period - now_s for most, period in limits if len(taken_s) >= most),
            default=0,
        )
        told_s = enqueue(world, phone, limits)
        assert told_s == max(0, wait_s)
        if not told_s:
            taken_s.append(now_s)


def enqueue(world: World, phone: str, limits: list[tuple[int, int]]) -> float:
    """Returns how long to wait; 0 when it was stored."""
    request = MessageRequest(name="", alphaname_id="1", text="code", recipients={phone: None})
    job = NewJob(
        id=new_job_id(),
        kind=Kind.QUICK,
        priority=Queue.URGENT,
        fields={"on_unknown": "hold"},
        messages=[request],
        limits=",".join(f"{most}/{period * 1000}" for most, period in limits),
    )
    try:
        world.ledger.enqueue(job, Idempotency())
    except LimitedError as error:
        return error.retry_after_s
    return 0


@pytest.fixture(scope="module")
def world_of_examples(redis_url: str) -> Iterator[World]:
    world = World(Settings.from_env({"SMSQ_REDIS_URL": redis_url, "SMSQ_NAMESPACE": "per.phone"}))
    yield world
    forget(world.redis, "per.phone:")
    world.redis.close()


def test_many_threads_of_one_app_are_one_producer(queue: SmsQueue) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = pool.map(
            lambda _: count_taken(lambda: queue.send_quick(PHONE, "code"), 25), range(8)
        )
        assert sum(taken) == 3


CALLS = """
import smsq
queue, taken = smsq.SmsQueue.from_env(), 0
for _ in range(125):
    try:
        queue.send_quick("+375291234567", "code")
        taken += 1
    except smsq.LimitedError:
        pass
print(taken)
"""


@pytest.mark.slow
@pytest.mark.real_redis
def test_eight_producers_and_a_thousand_calls_are_exact(environ: dict[str, str]) -> None:
    made = [
        Popen([sys.executable, "-c", CALLS], env={"PATH": "", **environ}, stdout=PIPE, text=True)
        for _ in range(8)
    ]

    assert sum(int(process.communicate(timeout=60)[0]) for process in made) == 3
