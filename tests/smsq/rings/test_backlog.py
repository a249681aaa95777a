"""Rings are bounded: a queue that is full takes no more, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smsq.names import Queue, Task
from smsq.rings import backlog
from smsq.rings.backlog import MOST_RINGS, Backlog
from smsq.rings.rings import Rings


@pytest.fixture
def rings(redis_url: str, namespace: str) -> Iterator[Rings]:
    made = Rings(redis_url, namespace)
    yield made
    made.close()


def test_a_full_queue_has_no_room_until_a_moment_has_passed() -> None:
    now_s = 100.0
    known = Backlog(clock=lambda: now_s)
    known.note("normal", MOST_RINGS - 1)
    assert known.has_room("normal")
    known.note("normal", MOST_RINGS)
    assert not known.has_room("normal")
    assert known.has_room("urgent")
    now_s += 1
    assert known.has_room("normal")


@pytest.mark.parametrize("producers", [1, 4])
def test_no_number_of_calls_puts_many_more_rings_than_the_bound(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, producers: int
) -> None:
    monkeypatch.setattr(backlog, "MOST_RINGS", 20)
    made = [Rings(redis_url, namespace) for _ in range(producers)]
    for n in range(100):
        for one in made:
            assert one.ring(Task.SEND_QUICK, [f"j{n}"], Queue.NORMAL)

    assert 20 <= made[0].count_waiting(Queue.NORMAL) < 20 + producers
    for one in made:
        one.close()


def test_urgent_rings_have_room_though_normal_ones_have_none(
    rings: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MOST_RINGS", 5)
    for queue in (Queue.NORMAL, Queue.URGENT):
        for n in range(10):
            rings.ring(Task.SEND_QUICK, [f"j{n}"], queue)

    assert [rings.count_waiting(queue) for queue in (Queue.NORMAL, Queue.URGENT)] == [5, 5]
