"""How a worker waits for a broker that answers, and refuses."""

from __future__ import annotations

import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from celery import Celery
from celery.events.dispatcher import EventDispatcher
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu import Connection
from kombu.asynchronous.timer import Timer

from worker import reconnect
from worker.liveness import LastAsked
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


def test_the_connection_of_events_is_dropped_without_a_goodbye(
    consumer: PatientConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that fell silent would not answer one, and the worker would wait for it."""
    monkeypatch.setattr(reconnect, "wait", lambda _: None)
    with Connection("memory://") as of_events:
        of_events.connect()
        vars(consumer)["event_dispatcher"] = EventDispatcher(of_events)
        consumer.on_connection_error_after_connected(ConnectionError())

        assert not of_events.connected


@pytest.mark.parametrize(
    ("broker_url", "is_noted"), [("amqp://127.0.0.1//", True), ("redis://127.0.0.1", False)]
)
def test_on_rabbitmq_the_loop_notes_that_it_runs(
    broker_url: str, is_noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Redis it asks for rings, and that is noted; to RabbitMQ it only listens."""
    asked = LastAsked()
    monkeypatch.setattr(reconnect, "last_asked", asked)
    monkeypatch.setattr(Consumer, "register_with_event_loop", lambda *_: None)
    consumer = PatientConsumer.__new__(PatientConsumer)
    with Celery("smsq", broker=broker_url, set_as_current=False) as app:
        vars(consumer)["app"] = app
        timer = Timer()
        consumer.register_with_event_loop(SimpleNamespace(timer=timer))
        for entry in timer.queue:
            entry.entry()

    assert (asked.age_s is not None) == is_noted


def test_a_worker_asks_nobody_which_tasks_were_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait a second for answers at each start, and after each outage."""
    options: dict[str, object] = {}
    monkeypatch.setattr(Consumer, "__init__", lambda *_, **given: options.update(given))
    PatientConsumer(print, hostname="w@h")

    assert options == {"hostname": "w@h", "without_mingle": True}
