"""A worker to whom no ticks come sends, repeats and polls all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from smsq.models import BulkMessage, JobState
from smsq.names import Task
from smsq.queue import SmsQueue
from smsq.rings.rings import Rings
from smsq.simulator.server import RunningSimulator
from smsq.steps.resources import Resources
from tasks.current_engine import close_engine
from tests.support import free_port, wait_until
from tests.ticks import take
from worker import stand_in

PHONE = "375291234567"
#: The simulator answers it with 500 once.
FAILS_ONCE = "375291230500"


@contextmanager
def at_work(resources: Resources) -> Iterator[None]:
    """Run a worker's thread that stands in."""
    thread = threading.Thread(target=stand_in.stand_in_while_needed, args=(resources,))
    thread.start()
    try:
        yield
    finally:
        resources.stop.set()
        thread.join()
        close_engine()


@pytest.fixture
def without_rings(monkeypatch: pytest.MonkeyPatch, resources: Resources) -> Iterator[Resources]:
    """A worker whose broker is away, and that does not wait long for it."""
    monkeypatch.setattr(stand_in, "EVERY_S", 0.05)
    monkeypatch.setattr(stand_in, "WITHOUT_TICKS_S", 0.7)
    away = replace(resources.settings, broker_url=f"amqp://127.0.0.1:{free_port()}//")
    rings = Rings.of(away)
    yield replace(resources, settings=away, rings=rings)
    rings.close()


def test_what_is_due_goes_out_without_a_ring(
    without_rings: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.3)
    jobs = [
        queue.send_quick(PHONE, "at once"),
        queue.send_quick(FAILS_ONCE, "a retry"),
        queue.send_quick(PHONE, "later", send_at=due),
    ]
    campaign = queue.send_bulk([BulkMessage(name="sale", text="sale", phones=[PHONE])])

    with at_work(without_rings):
        wait_until(lambda: len(simulator.accepted()) == 4, "all are sent")
        wait_until(lambda: queue.status(jobs[0]).state is JobState.DONE, "it was polled")
    assert set(simulator.accepted().values()) == {1}
    assert queue.status(campaign).state in {JobState.ACCEPTED, JobState.DONE}
    assert queue.heartbeat_age_s() is None  # beat does not tick


def test_while_ticks_are_taken_nobody_stands_in(
    without_rings: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    queue.send_quick(PHONE, "code")
    until_s = time.monotonic() + 1.0
    with at_work(without_rings):
        while time.monotonic() < until_s:
            take(without_rings.scripts, Task.RECOVER)
            time.sleep(0.02)
        assert not simulator.accepted()


def test_one_redis_for_both_needs_no_stand_in(resources: Resources) -> None:
    before = threading.active_count()
    stand_in.start_standing_in(resources)

    assert threading.active_count() == before


def test_a_ledger_that_is_away_too_ends_nothing(
    without_rings: Resources, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stand_in, "stand_in", fail)
    with at_work(without_rings):
        wait_until(lambda: len(caplog.messages) > 2, "it tries again")
        time.sleep(0.05)
    assert "no ticks come" in caplog.messages[0]
    assert {record.__dict__.get("repeats") for record in caplog.records[1:]} == {"stand in"}


def fail(_: Resources) -> None:
    raise RedisConnectionError
