"""The consumer: how soon it looks for a broker that was away."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.utils import functional

from worker.consumer import RETRY_MAX_S, Consumer


@pytest.fixture
def pauses_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What kombu slept for between its tries; nobody sleeps."""
    slept: list[float] = []
    monkeypatch.setattr(functional, "sleep", slept.append)
    return slept


@pytest.fixture
def consumer() -> Any:
    conf = {
        "broker_connection_retry_on_startup": True,
        "broker_connection_retry": True,
        "broker_connection_max_retries": 12,
    }
    made = Consumer.__new__(Consumer)
    made.app = SimpleNamespace(conf=SimpleNamespace(**conf))
    made.first_connection_attempt = True
    made.broker_connection_retry_attempt = 0
    return made


@pytest.fixture
def nowhere() -> Iterator[Connection]:
    """A connection to a port that refuses."""
    with Connection(
        "redis://127.0.0.1:1/0", transport_options={"max_retries": 0, "interval_start": 0}
    ) as made:
        yield made


def test_however_long_the_broker_is_away_it_is_looked_for_every_few_seconds(
    consumer: Any, nowhere: Connection, pauses_s: list[float]
) -> None:
    with pytest.raises(OperationalError):
        consumer.ensure_connected(nowhere)

    # kombu sleeps a second at a time.
    assert sum(pauses_s) > 12
    assert sum(pauses_s) <= 12 * RETRY_MAX_S
