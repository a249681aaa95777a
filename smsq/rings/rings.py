"""Rings: Celery messages that carry job ids and nothing else, sent by task name.

In:  job ids. Out: one Celery message for up to `RING_MAX_JOBS` of them.

The ledger is the truth: a ring may be lost, doubled or late without harm. So nothing that happens
here reaches the caller, whose job is stored already: it is logged, and left to `recover`.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, Self

from celery import Celery
from kombu import Exchange, Producer

from smsq.environment.addresses import broker_connection
from smsq.names import RING_MAX_JOBS, RING_SPREAD, Queue, Task
from smsq.rings.broker import (
    broker_options,
    exchange_options,
    is_redis_broker,
    make_queue,
    name_queue,
)
from smsq.rings.celery_app import OwnCelery
from smsq.rings.envelope import Envelopes
from smsq.rings.line import MAX_CONNECTIONS, Line
from smsq.settings import Settings
from smsq.store import detour

log = logging.getLogger(__name__)

#: A producer must not hang on a silent broker; the job is stored, so giving up early is harmless.
_FAIL_FAST = {
    "socket_timeout": 0.4,
    "socket_connect_timeout": 0.4,
    "read_timeout": 0.8,
    "write_timeout": 0.8,
    # RabbitMQ says that it has the ring, as Redis does: a ring on a dead connection fails.
    "confirm_publish": True,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}

#: Seconds to connect to another broker, whatever number of addresses it has, and for each answer.
_CONNECT_S = 0.8

#: Other brokers do not say how long a queue is with each ring; they are asked every so often.
_ASK_EVERY = 100


def make_celery(broker_url: str, namespace: str) -> Celery:
    """Make a Celery app that speaks to the broker and gives up early; it connects when used."""
    # A plain Celery() would replace the web app's own current app.
    app = OwnCelery("smsq", set_as_current=False)
    others = broker_url.count(";")
    fail_fast = {**_FAIL_FAST, "max_retries": others}
    app.conf.update(
        broker_connection(broker_url) | exchange_options(broker_url, namespace),
        broker_transport_options=fail_fast | broker_options(broker_url, namespace),
        # Measured: a repeated publish puts the same task in the queue twice.
        task_publish_retry=False,
        broker_connection_timeout=_CONNECT_S / (1 + others),
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


class Rings:
    """Rings jobs. Thread-safe; connects when first used.

    Args:
        broker_url: As in `SMSQ_BROKER_URL`.
        namespace: As in `SMSQ_NAMESPACE`.
        max_connections: Most connections of a process, never above 10.
    """

    def __init__(
        self, broker_url: str, namespace: str, *, max_connections: int = MAX_CONNECTIONS
    ) -> None:
        self._max_connections = min(max_connections, MAX_CONNECTIONS)
        self._app = make_celery(broker_url, namespace)
        self._envelopes = Envelopes(self._app) if is_redis_broker(broker_url) else None
        self._names = {queue: name_queue(queue, broker_url, namespace) for queue in Queue}
        self._lines: dict[int, Line] = {}
        self._sent = count(1)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Ring as the settings say."""
        return cls(
            settings.broker_url,
            settings.namespace,
            max_connections=settings.redis_max_connections,
        )

    def ring(self, task: Task, ids: Sequence[str], queue: Queue) -> bool:
        """Ring jobs, or messages to poll; in slices of at most `RING_MAX_JOBS`.

        Returns:
            False when the broker failed, or did a moment ago: the rest is left to `recover`. It
            never raises. What a full queue has no room for is left to whoever takes its rings.
        """
        if detour.current is not None:
            return True
        try:
            return all(self._publish(task, part, queue) for part in _slices(task, ids))
        except Exception as error:  # noqa: BLE001 - the job is stored: the call has succeeded
            name = type(error).__name__
            log.warning("ring failed, recover will repeat it: %s", name, extra={"repeats": name})
            return False

    def of_call(self) -> CallRings:
        """Begin the rings of one call, which tries a broker that fails once only."""
        return CallRings(self)

    def count_waiting(self, queue: Queue) -> int:
        """Count the rings that no worker has taken yet.

        Raises:
            Exception: Whatever the broker's client raises when the broker is away.
        """
        if detour.current is not None:
            return 0
        with self._app.connection_for_write() as connection:
            return _count(connection, self._names[queue])

    def close(self) -> None:
        """Give the broker connections back."""
        if line := self._lines.pop(os.getpid(), None):  # a parent's are the parent's
            line.pool.force_close_all(close_pool=False)
        self._app.close()

    @property
    def _line(self) -> Line:
        """This process's: a forked one cannot use its parent's connections."""
        pid = os.getpid()
        return self._lines.get(pid) or self._lines.setdefault(
            pid, Line(self._app, self._max_connections)
        )

    def _publish(self, task: Task, ids: Sequence[str], queue: Queue) -> bool:
        """Send one ring, unless the broker failed a moment ago or its queue is full.

        Not by `send_task`: that makes rings children of whatever task of the web app's is at work,
        and asks the receivers of its signals.
        """
        line = self._line
        if not line.backlog.has_room(queue):
            return True
        failures = line.breaker.failures
        if not line.breaker.allows():
            return False
        connection = line.take()
        if line.breaker.failures > failures:  # another's, while this one waited
            connection.release()
            return False
        try:
            line.backlog.note(queue, self._send(connection, task, ids, queue))
        except BaseException:
            line.breaker.fail()
            line.drop(connection)
            raise
        line.breaker.succeed()
        connection.release()
        return True

    def _send(self, connection: Any, task: Task, ids: Sequence[str], queue: Queue) -> int:
        """Send one ring; returns how many the queue has now, 0 where that is not known."""
        if self._envelopes:
            # The channel's own client: kombu's options hold, and its prefix of keys.
            written = self._envelopes.write(task, ids, queue)
            return int(connection.default_channel.client.lpush(queue, written))
        # A job rung alone gives its id to the task, so Celery's lines name the job.
        task_id = ids[0] if len(ids) == 1 else str(uuid.uuid4())
        message = self._app.amqp.as_task_v2(task_id, task, args=(list(ids),), ignore_result=True)
        Producer(connection).publish(
            message.body,
            exchange="",
            routing_key=self._names[queue],
            declare=[make_queue(self._names[queue])],
            headers=message.headers,
            serializer="json",
            delivery_mode=Exchange.PERSISTENT_DELIVERY_MODE,
            retry=False,
            **message.properties,
        )
        is_asked = next(self._sent) % _ASK_EVERY == 0
        return _count(connection, self._names[queue]) if is_asked else 0


class CallRings:
    """The rings of one call: after one that failed, the rest is `recover`'s."""

    def __init__(self, rings: Rings) -> None:
        self._rings = rings
        self._is_given_up = False

    def ring(self, task: Task, ids: Sequence[str], queue: Queue) -> None:
        """Ring jobs, unless a ring of this call failed."""
        if not self._is_given_up:
            self._is_given_up = not self._rings.ring(task, ids, queue)


def _count(connection: Any, name: str) -> int:
    # Declared as workers do: kombu's passive kind looks below the wrong prefix on Redis.
    declared = connection.default_channel.queue_declare(name, durable=True, auto_delete=False)
    return int(declared[1])


def _slices(task: Task, ids: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    # A ring wakes one thread up, and a bulk job keeps it busy for a whole request.
    spread = RING_SPREAD if task is Task.SEND_BULK else 1
    most = min(RING_MAX_JOBS, max(1, -(-len(ids) // spread)))
    while part := list(islice(remaining, most)):
        yield part
