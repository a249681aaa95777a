"""The line: a thread that was rung works off what is most urgent, and is free again in time."""

from __future__ import annotations

import threading
import time
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
from tasks import prepare
from tasks.resources import Resources
from tasks.wait_for_slot import rings_at_hand, serve
from tests.support import wait_until

PHONE = "37529123"


def slow(resources: Resources, rate_per_s: float) -> Resources:
    limiter = Limiter(resources.scripts, Pace(rate_per_s=rate_per_s, burst=1))
    return replace(resources, limiter=limiter)


def enqueue(queue: SmsQueue, count: int, priority: str = Queue.NORMAL) -> list[str]:
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

    serve(resources, bulk)
    assert queue.status(urgent[0]).state is JobState.ACCEPTED
    texts = [text for _, text in simulator.accepted()]
    assert texts[0] == "urgent 0"


def test_a_ring_whose_jobs_are_done_costs_no_request(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    jobs = enqueue(queue, 2)
    others = enqueue(queue, 3, Queue.BULK)
    serve(resources, jobs)

    serve(resources, jobs)
    assert len(simulator.accepted()) == 2
    assert queue.status(others[0]).state is JobState.QUEUED


def test_many_threads_share_a_backlog_and_send_nothing_twice(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    simulator.change(latency_ms=5)
    jobs = enqueue(queue, 60)
    threads = [threading.Thread(target=serve, args=(resources, jobs)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(simulator.accepted()) == 60
    assert set(simulator.accepted().values()) == {1}


def test_a_shutdown_ends_every_hold_and_says_what_is_left(
    resources: Resources, queue: SmsQueue
) -> None:
    jobs = enqueue(queue, 10)
    held = slow(resources, 0.01)
    left: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: left.append(list(serve(held, jobs)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: queue.stats().jobs[JobState.ACCEPTED] == 1, "one is sent, the others hold")
    resources.stop.set()
    for thread in threads:
        thread.join(5)

    assert not any(thread.is_alive() for thread in threads)
    assert all(set(jobs) >= set(rest) and len(rest) >= 9 for rest in left)
    assert queue.stats().jobs[JobState.SUBMITTING] == 0
    assert queue.stats().jobs[JobState.UNKNOWN] == 0


def test_a_closed_gate_is_waited_out_in_the_line(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    [job] = enqueue(queue, 1)
    resources.limiter.pause("paused by operator")
    thread = threading.Thread(target=serve, args=(resources, [job]))
    thread.start()
    wait_until(lambda: queue.stats().rate.closed_why, "the gate is closed")
    assert simulator.accepted() == {}
    resources.limiter.resume()
    thread.join(10)

    assert queue.status(job).state is JobState.ACCEPTED


def test_rings_left_in_the_broker_are_worked_off_by_the_last_one(
    resources: Resources, queue: SmsQueue
) -> None:
    mine = enqueue(queue, 1)
    others = enqueue(queue, 5, Queue.BULK)
    rings_at_hand.held_back = True

    assert serve(resources, mine) == ()
    assert {queue.status(job).state for job in others} == {JobState.ACCEPTED}
    assert not rings_at_hand.held_back


def test_a_thread_with_rings_at_hand_leaves_the_rest_to_them(
    resources: Resources, queue: SmsQueue
) -> None:
    mine = enqueue(queue, 1)
    others = enqueue(queue, 5, Queue.BULK)
    rings_at_hand.held_back = True
    rings_at_hand.add(1)
    try:
        serve(resources, mine)
    finally:
        rings_at_hand.add(-1)
        rings_at_hand.held_back = False

    assert {queue.status(job).state for job in others} == {JobState.QUEUED}


def test_a_new_rate_wakes_a_thread_that_holds_for_a_far_slot(
    resources: Resources, queue: SmsQueue
) -> None:
    jobs = enqueue(queue, 3)
    held = slow(resources, 0.01)
    thread = threading.Thread(target=serve, args=(held, jobs))
    thread.start()
    wait_until(lambda: queue.stats().jobs[JobState.ACCEPTED] == 1, "the first is sent")
    changed_at_s = time.monotonic()
    held.limiter.set_rate(100, by="test")
    thread.join(20)

    assert queue.stats().jobs[JobState.ACCEPTED] == 3
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
    resources: Resources, queue: SmsQueue
) -> None:
    jobs = enqueue(queue, 1)
    held = replace(resources, claims=LateClaims(resources.scripts))
    thread = threading.Thread(target=serve, args=(held, jobs))
    thread.start()
    wait_until(lambda: cast(LateClaims, held.claims).told, "the thread waits")
    held.limiter.set_rate(100, by="test")
    thread.join(20)

    assert queue.status(jobs[0]).state is JobState.ACCEPTED


def test_a_stopping_process_waits_for_no_request_that_came_too_early(
    resources: Resources, queue: SmsQueue
) -> None:
    jobs = enqueue(queue, 1)
    held = replace(resources, claims=LateClaims(resources.scripts))
    thread = threading.Thread(target=serve, args=(held, jobs))
    thread.start()
    wait_until(lambda: cast(LateClaims, held.claims).told, "the thread waits")
    held.stop.set()
    thread.join(20)

    assert not thread.is_alive()
    assert queue.status(jobs[0]).state is JobState.QUEUED


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
    broken, healthy = enqueue(queue, 2)
    wrong = ResponseError("WRONGTYPE Operation against a key")
    monkeypatch.setattr(prepare, "fetch_rest", raise_once(prepare.fetch_rest, wrong))
    serve(resources, [broken, healthy])

    assert queue.status(healthy).state is JobState.ACCEPTED
    status = queue.status(broken)
    assert (status.state, status.attempts) == (JobState.WAITING, 0)
    assert status.error == "its stored data cannot be used (ResponseError)"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ResponseError("WRONGTYPE"), "stored data cannot be used (ResponseError), holding on"),
        (exceptions.ConnectionError("gone"), "Redis is away (ConnectionError), holding on"),
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
