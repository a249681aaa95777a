"""Ticks: one at a time is worth its work, and beat notices when nobody takes any."""

from __future__ import annotations

import pytest

from smsq.names import Task
from smsq.rings.ticks import APART_S, MANY, MOST_S, Ticks
from tests.smsq.world import World
from tests.ticks import leave_untaken, take

TICK = Task.RECOVER


@pytest.fixture
def ticks(world: World) -> Ticks:
    return Ticks(world.scripts)


def test_a_backlog_of_ticks_is_worked_off_once(world: World, ticks: Ticks) -> None:
    assert [take(world.scripts, TICK) for _ in range(100)] == [True] + [False] * 99
    world.pass_s(APART_S)
    assert take(world.scripts, TICK)


def test_the_ticks_of_two_tasks_do_not_stand_in_for_each_other(world: World) -> None:
    assert take(world.scripts, Task.RECOVER)
    assert take(world.scripts, Task.POLL_DELIVERIES)


@pytest.mark.parametrize("step_s", [-3600, -10 * 365 * 86_400, 3600])
def test_ticks_go_on_whatever_is_done_to_redis_clock(
    world: World, ticks: Ticks, step_s: float
) -> None:
    assert take(world.scripts, TICK)
    world.pass_s(step_s)
    assert ticks.may_send(TICK)
    world.pass_s(1)
    assert ticks.may_send(TICK)
    assert take(world.scripts, TICK)


def count_sent(world: World, ticks: Ticks, seconds: int) -> int:
    """How many ticks beat sends in so many seconds."""
    sent = 0
    for _ in range(seconds):
        if ticks.may_send(TICK):
            sent += 1
        world.pass_s(1)
    return sent


def test_beat_sends_at_its_interval_while_ticks_are_taken(world: World, ticks: Ticks) -> None:
    for _ in range(50):
        assert count_sent(world, ticks, 1) == 1
        take(world.scripts, TICK)


def test_beat_sends_ever_less_while_nobody_takes_ticks(world: World, ticks: Ticks) -> None:
    assert count_sent(world, ticks, 1800) < 20
    assert count_sent(world, ticks, round(2 * MOST_S)) == pytest.approx(2, abs=1)


def test_one_worker_that_comes_back_brings_beat_back(world: World, ticks: Ticks) -> None:
    count_sent(world, ticks, 600)
    take(world.scripts, TICK)
    assert count_sent(world, ticks, MANY) == MANY


def test_ticks_go_on_in_seconds_when_the_broker_lost_some(world: World, ticks: Ticks) -> None:
    # Taken by nobody, and in no queue any more: the broker was emptied.
    leave_untaken(world.scripts, TICK, 2)
    assert count_sent(world, ticks, 3) >= 1


def test_ticks_that_could_not_be_sent_do_not_make_pauses_grow(world: World, ticks: Ticks) -> None:
    for _ in range(100):
        assert ticks.may_send(TICK)
        ticks.note_unsent(TICK)
        world.pass_s(1)
