"""How a worker waits for a broker that answers, and refuses."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from celery.worker import state
from celery.worker.consumer import Consumer

from worker import reconnect
from worker.reconnect import CALM_S, MOST_S, PatientConsumer


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> PatientConsumer:
    """One that would do nothing but wait."""
    monkeypatch.setattr(Consumer, "on_connection_error_after_connected", lambda *_: None)
    return PatientConsumer.__new__(PatientConsumer)


def test_a_broker_that_refuses_at_once_is_asked_ever_more_seldom(
    consumer: PatientConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    starts_at_s = []
    monkeypatch.setattr("worker.reconnect.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr(reconnect, "wait", lambda pause_s: now_s.__setitem__(0, now_s[0] + pause_s))
    while now_s[0] < 1060:
        consumer.on_connection_error_after_connected(ConnectionError())
        starts_at_s.append(now_s[0])

    # Without jitter it would be about 17 times; Celery's own was 5 a second.
    assert 15 <= len(starts_at_s) <= 90
    gaps_s = [after - before for before, after in pairwise(starts_at_s)]
    assert max(gaps_s) <= MOST_S
    now_s[0] += CALM_S + 1
    consumer.on_connection_error_after_connected(ConnectionError())
    assert consumer.failures == 1


@pytest.mark.parametrize("name", ["should_stop", "should_terminate"])
@pytest.mark.parametrize("exit_code", [0, 1, True])
def test_a_worker_that_is_to_stop_waits_no_longer(
    name: str, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, name, exit_code)
    started_s = time.monotonic()
    reconnect.wait(30)

    assert time.monotonic() - started_s < 1
