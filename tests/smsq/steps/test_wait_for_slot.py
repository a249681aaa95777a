"""The line: whoever holds for a slot notices what changes meanwhile, and takes what is urgent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from redis import exceptions
from redis.exceptions import RedisError, ResponseError

from smsq.models import JobState
from smsq.names import Queue
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Early, Pace
from smsq.queue import SmsQueue
from smsq.sending.claims import Claims
from smsq.simulator.server import RunningSimulator
from smsq.steps import prepare
from smsq.steps.resources import Resources
from tasks.engine import Engine
from tests.support import wait_until
from tests.tasks.serving import serve

PHONE = "37529123"

Start = Callable[[Resources], Engine]


@pytest.fixture
def start() -> Iterator[Start]:
    """Engines that are closed at the end."""
    engines: list[Engine] = []

    def begin(resources: Resources) -> Engine:
        engines.append(Engine(resources))
        engines[-1].wake()
        return engines[-1]

    yield begin
    for engine in engines:
        engine.close()


def slow(resources: Resources, rate_per_s: float) -> Resources:
    limiter = Limiter(resources.scripts, Pace(rate_per_s=rate_per_s, burst=1))
    return replace(resources, limiter=limiter)


def enqueue(queue: SmsQueue, count: int, priority: Any = Queue.NORMAL) -> list[str]:
    return [
        queue.send_quick(f"{PHONE}{1000 + i}", f"{priority} {i}", priority=priority)
        for i in range(count)
    ]


def test_all_that_a_ring_names_is_sent(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    jobs = enqueue(queue, 20)

    assert serve(resources, jobs) == ()
    assert {queue.status(job).state for job in jobs} == {JobState.ACCEPTED}
    assert set(simulator.accepted().values()) == {1}


def test_a_ring_for_bulk_sends_what_is_urgent_first(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    bulk = enqueue(queue, 3, Queue.BULK)
    urgent = enqueue(queue, 1, Queue.URGENT)

    one_by_one = replace(resources, settings=replace(resources.settings, in_flight=1))
    serve(one_by_one, bulk)
    assert queue.status(urgent[0]).state is JobState.ACCEPTED
    texts = [text for _, text in simulator.accepted()]
    assert texts[0] == "urgent 0"


def test_a_closed_gate_is_waited_out_in_the_line(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator, start: Start
) -> None:
    [job] = enqueue(queue, 1)
    resources.limiter.pause("paused by operator")
    start(resources)
    wait_until(lambda: queue.stats().rate.closed_why, "the gate is closed")
    assert simulator.accepted() == {}
    resources.limiter.resume()

    wait_until(lambda: queue.status(job).state is JobState.ACCEPTED, "the job is sent")


def test_a_new_rate_wakes_a_thread_that_holds_for_a_far_slot(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    enqueue(queue, 3)
    held = slow(resources, 0.01)
    start(held)
    wait_until(lambda: queue.stats().jobs[JobState.ACCEPTED] == 1, "the first is sent")
    changed_at_s = time.monotonic()
    held.limiter.set_rate(100, by="test")

    wait_until(lambda: queue.stats().jobs[JobState.ACCEPTED] == 3, "the others are sent")
    assert time.monotonic() - changed_at_s < 10


class LateClaims(Claims):
    """Tells the first claim to wait for an hour, as after a request that left late."""

    told = False

    def claim(self, *args: Any) -> Any:
        if self.told:
            return super().claim(*args)
        self.told = True
        return Early(3600)


def test_a_new_rate_wakes_a_thread_whose_request_came_too_early(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    [job] = enqueue(queue, 1)
    held = replace(resources, claims=LateClaims(resources.scripts))
    start(held)
    wait_until(lambda: cast(LateClaims, held.claims).told, "the thread waits")
    held.limiter.set_rate(100, by="test")

    wait_until(lambda: queue.status(job).state is JobState.ACCEPTED, "the job is sent")


def test_a_stopping_process_waits_for_no_request_that_came_too_early(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    [job] = enqueue(queue, 1)
    held = replace(resources, claims=LateClaims(resources.scripts))
    engine = start(held)
    wait_until(lambda: cast(LateClaims, held.claims).told, "the thread waits")
    asked_at_s = time.monotonic()
    engine.close()

    assert time.monotonic() - asked_at_s < 20
    assert queue.status(job).state is JobState.QUEUED


def raise_once(function: Any, error: Exception) -> Any:
    told: list[Exception] = [error]

    def wrapped(*args: Any, **options: Any) -> Any:
        if told:
            raise told.pop()
        return function(*args, **options)

    return wrapped


def test_a_job_whose_stored_data_fail_before_its_request_is_set_aside(
    resources: Resources, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = enqueue(queue, 2)
    wrong = ResponseError("WRONGTYPE Operation against a key")
    monkeypatch.setattr(prepare, "fetch_rest", raise_once(prepare.fetch_rest, wrong))
    serve(resources, jobs)

    # Two jobs of the same millisecond go in the order of their random ids.
    found = [queue.status(job) for job in jobs]
    [status] = [one for one in found if one.state is not JobState.ACCEPTED]
    assert (status.state, status.attempts) == (JobState.WAITING, 0)
    assert status.error == "its stored data cannot be used (ResponseError)"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ResponseError("WRONGTYPE"), "stored data cannot be used (ResponseError), holding on"),
        (
            exceptions.ConnectionError("gone"),
            "Redis cannot be reached (ConnectionError), holding on",
        ),
        (exceptions.OutOfMemoryError("no"), "Redis refuses: it is full, holding on"),
    ],
)
def test_what_fails_while_a_slot_is_taken_is_called_what_it_is(
    resources: Resources,
    queue: SmsQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: RedisError,
    said: str,
) -> None:
    jobs = enqueue(queue, 1)
    monkeypatch.setattr(resources.limiter, "reserve", raise_once(resources.limiter.reserve, error))
    serve(resources, jobs)

    assert said in caplog.text
    assert queue.status(jobs[0]).state is JobState.ACCEPTED
