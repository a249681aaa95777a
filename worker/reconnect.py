"""How the processes wait for a broker that is away or refuses: for ever, and never long at a time.

In:  Celery's app. Out: broker connections that are back a few seconds after the broker is.

Kombu's pause between two tries grows to 30 s: after a night's outage workers would sleep for half
a minute while jobs expire. Celery has no pause at all where a connection succeeds and what is asked
on it fails, as with a Redis that is read-only: it began anew five times a second.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from celery.app.amqp import AMQP
from celery.worker import state
from celery.worker.consumer import Consumer

from smsq.domain.backoff import Backoff
from smsq.rings import connection
from smsq.rings.broker import is_redis_broker
from worker.liveness import last_asked

#: Seconds between two tries: the first, how much longer each is, the longest.
FIRST_S, STEP_S, MOST_S = 1, 1, 4


class Connection(connection.Connection):
    """A connection that tries again soon."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Wait until the broker is there; callers may still say how."""
        pauses = {"interval_start": FIRST_S, "interval_step": STEP_S, "interval_max": MOST_S}
        return super().ensure_connection(*args, **(pauses | kwargs))


class ReconnectingAmqp(AMQP):
    """Celery's broker side, on such connections."""

    Connection = Connection


#: A consumer that worked for so long begins with the first pause when it fails.
CALM_S = 10.0

#: As often as Redis is asked for rings.
NOTE_EVERY_S = 1.0

#: How soon a pause ends after the worker was asked to stop.
_LOOK_S = 0.1

#: Between two starts of the consumer; with jitter, so that workers do not come back as one.
_BETWEEN_STARTS = Backoff(first_s=FIRST_S, max_s=MOST_S)


class PatientConsumer(Consumer):
    """Celery's consumer, that pauses before it begins anew on a broker that refuses."""

    failures = 0
    _failed_at_s = float("-inf")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Celery asks the other workers which tasks were revoked, and waits a second for answers,
        # at each start and after each outage. None of ours is ever revoked: the ledger knows.
        super().__init__(*args, **(kwargs | {"without_mingle": True}))

    def register_with_event_loop(self, hub: Any) -> None:
        """Let the loop note that it runs: RabbitMQ sends rings unasked.

        A connection that ended, or was silent for two heartbeats, ends the loop and its timers.
        """
        super().register_with_event_loop(hub)
        if not is_redis_broker(self.app.conf.broker_url):
            hub.timer.call_repeatedly(NOTE_EVERY_S, last_asked.note)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Drop the connections, then wait."""
        super().on_connection_error_after_connected(exc)
        # Events have one of their own. Celery says goodbye to it, and waits for the answer.
        with suppress(Exception):
            vars(self)["event_dispatcher"].connection.collect()
        if time.monotonic() - self._failed_at_s > CALM_S:
            self.failures = 0
        self.failures += 1
        wait(_BETWEEN_STARTS.pause_s(self.failures))
        self._failed_at_s = time.monotonic()


def wait(pause_s: float) -> None:
    """Wait, until the worker is to stop."""
    until_s = time.monotonic() + pause_s
    while (left_s := until_s - time.monotonic()) > 0 and not is_to_stop():
        time.sleep(min(left_s, _LOOK_S))


def is_to_stop() -> bool:
    """Say whether the worker was asked to stop; its exit code may be 0."""
    asked: Sequence[Any] = (state.should_stop, state.should_terminate)
    return any(code is not None and code is not False for code in asked)
