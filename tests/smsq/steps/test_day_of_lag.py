"""A whole day in which polls lag behind, on a clock of the test's: the broker stays small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from smsq.names import Queue, Task
from smsq.rings.backlog import Backlog
from smsq.settings import Settings
from smsq.steps.due_polls import ring_due_polls
from smsq.steps.recover import recover_due
from tests.smsq.steps.outages import Drive, drive

#: In each minute: messages, requests that the worker has time for, rings that it takes of a queue.
MESSAGES, REQUESTS, RINGS = 7, 10, 1
HOURS = 24
#: The worker is restarted; the first time no message is rung, and all rings are lost.
RESTARTS = RINGS_LOST_AT, _ = 12 * 60, 18 * 60
MOST_WAIT_MIN = 10
#: Of all queues together.
MOST_RINGS = 5000

RUNG = [Queue.URGENT, Queue.NORMAL, Queue.BULK, Queue.POLL]


class SlowWorker:
    """Takes few rings, and while anything waits it needs none.

    Attributes:
        is_awake: After a restart it is not, until a ring comes.
        queues: Whose rings it takes.
    """

    def __init__(self, made: Drive) -> None:
        self.is_awake = False
        self.queues = RUNG
        self._drive = made
        self._rings = made.resources.rings

    def live_a_minute(self) -> None:
        taken = [self._take(queue) for queue in self.queues for _ in range(RINGS)]
        self.is_awake |= any(taken)
        until_s = self._drive.now_s + 60
        for _ in range(REQUESTS):
            if self.is_awake and self._drive.now_s < until_s:
                self.is_awake = self._use_slot()
        self._drive.world.pass_s(max(0.0, until_s - self._drive.now_s))

    def _take(self, queue: Queue) -> bool:
        with self._rings._app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            return channel.basic_get(str(queue), no_ack=True) is not None

    def _use_slot(self) -> bool:
        before = len(self._drive.gateway.requests)
        self._drive.step()
        return len(self._drive.gateway.requests) > before


@pytest.fixture
def day(environ: dict[str, str]) -> Iterator[Drive]:
    with drive(Settings.from_env(environ)) as made:
        # The broker's moments pass as the day does.
        made.resources.rings._line.backlog = Backlog(clock=lambda: made.now_s)
        yield made


def count_rings(made: Drive) -> int:
    return sum(map(made.resources.rings.count_waiting, RUNG))


def lose_rings(made: Drive) -> None:
    with made.resources.rings._app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        for queue in RUNG:
            channel.queue_purge(str(queue))


@pytest.mark.slow
@pytest.mark.timeout(400)  # 35 s alone, and others may be at work
@pytest.mark.real_redis
def test_rings_stay_few_all_day_and_what_has_none_is_sent(day: Drive) -> None:
    worker, rings = SlowWorker(day), day.resources.rings
    most, unsent = 0, dict[str, int]()
    for minute in range(60 * HOURS):
        if minute in RESTARTS:
            worker.is_awake = False
        if minute == RINGS_LOST_AT:
            lose_rings(day)
        is_lost = minute >= RINGS_LOST_AT and not worker.is_awake
        # No ring for a poll wakes it then.
        worker.queues = [Queue.NORMAL] if is_lost else RUNG
        for _ in range(MESSAGES):
            job = day.enqueue()
            unsent[job] = minute
            if not is_lost:
                rings.ring(Task.SEND_QUICK, [job], Queue.NORMAL)
        recover_due(day.resources)
        ring_due_polls(day.resources)
        most = max(most, count_rings(day))
        worker.live_a_minute()
        unsent = {job: since for job, since in unsent.items() if not day.are_out([job])}
        assert minute - min(unsent.values(), default=minute) < MOST_WAIT_MIN, f"at {minute} min"

    messages = MESSAGES * 60 * HOURS
    assert messages * (1 - RINGS / MESSAGES) > 1.5 * MOST_RINGS  # as many as would lie there
    assert 2000 <= most <= MOST_RINGS
    assert sum(day.gateway.taken.values()) == messages
    assert max(day.gateway.taken.values()) == 1
    lagging = day.world.redis.zcard(day.world.keys.ready("poll"))
    assert lagging > messages / 4, "polls did not lag behind: nothing was tried"
