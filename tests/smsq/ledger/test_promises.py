"""What is promised to a message, read from a ledger with a line in it."""

from __future__ import annotations

import math

import pytest

from smsq.errors import InvalidMessageError
from smsq.operate.controls import Controls
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.agreement import Agreement
from smsq.store.scripts import Scripts


def fill(queue: SmsQueue, count: int, priority: str) -> None:
    for n in range(count):
        queue.send_quick(f"+37529123{n:04}", "code", priority=priority)  # type: ignore[arg-type]


def test_what_waits_before_it_counts(queue: SmsQueue) -> None:
    assert queue.promise().p95_s < 0.1

    fill(queue, 20, "urgent")
    fill(queue, 10, "bulk")
    assert queue.promise("urgent").p50_s == pytest.approx(20 / 10 / 0.9 + 0.07, abs=0.01)
    assert queue.promise("bulk").p50_s == pytest.approx(30 / 10 + 0.07, abs=0.01)


def test_the_rate_is_that_of_the_workers(
    queue: SmsQueue, scripts: Scripts, environ: dict[str, str]
) -> None:
    fill(queue, 100, "bulk")
    workers = Settings.from_env(environ | {"SMSQ_RATE_PER_S": "100"})
    Agreement(scripts, workers, role="worker").look()

    assert queue.promise("bulk").p50_s == pytest.approx(1, rel=0.1)


def test_while_sending_is_paused_it_is_endless(queue: SmsQueue, settings: Settings) -> None:
    controls = Controls.build(settings)
    controls.pause()
    controls.close()

    assert math.isinf(queue.promise("urgent").p50_s)


def test_a_word_that_is_no_priority_is_told(queue: SmsQueue) -> None:
    with pytest.raises(InvalidMessageError, match="write one of urgent, normal, bulk"):
        queue.promise("fast")  # type: ignore[arg-type]
