"""The operator's hands on the gate and the rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError, QueueUnavailableError
from smsq.operate.controls import Controls
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.support import free_port


@pytest.fixture
def controls(settings: Settings) -> Iterator[Controls]:
    made = Controls.build(settings)
    yield made
    made.close()


def test_a_pause_says_who_made_it_and_ends_with_resume(controls: Controls, queue: SmsQueue) -> None:
    controls.pause()
    rate = queue.stats().rate
    assert rate.closed_for_s == float("inf")
    assert rate.closed_why == f"paused by {who_am_i()}"

    controls.resume()
    assert queue.stats().rate.closed_for_s == 0
    assert queue.stats().rate.closed_why == ""


def test_a_rate_is_in_force_at_once_and_says_who_set_it(
    controls: Controls, queue: SmsQueue
) -> None:
    controls.set_rate(25)
    rate = queue.stats().rate
    assert (rate.ceiling_per_s, rate.current_per_s, rate.ceiling_by) == (25, 25, who_am_i())

    controls.set_rate(None)
    rate = queue.stats().rate
    assert (rate.ceiling_per_s, rate.ceiling_by) == (10, "")


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), 1e6])
def test_a_rate_that_is_none_is_refused(controls: Controls, queue: SmsQueue, rate: float) -> None:
    with pytest.raises(InvalidMessageError, match=r"rate: write a number from 0\.001 to 10,?000"):
        controls.set_rate(rate)
    assert queue.stats().rate.ceiling_per_s == 10


def test_no_redis_is_said_soon(settings: Settings) -> None:
    nowhere = replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    controls = Controls.build(nowhere)
    for turn in (controls.pause, controls.resume, lambda: controls.set_rate(5)):
        with pytest.raises(QueueUnavailableError):
            turn()
