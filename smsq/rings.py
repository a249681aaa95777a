"""Rings: Celery messages that carry job ids and nothing else, sent by task name.

In:  job ids. Out: one Celery message for up to `RING_MAX_JOBS` of them.

The ledger is the truth: a ring may be lost, doubled or late without harm, so a failing broker is
logged and left to `recover`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from itertools import islice
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from smsq.names import RING_MAX_JOBS, RING_SPREAD, Queue, Task

log = logging.getLogger(__name__)

#: A producer must not hang on a silent broker; the job is stored, so giving up early is harmless.
_FAIL_FAST = {
    "socket_timeout": 0.4,
    "socket_connect_timeout": 0.4,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


def is_redis_broker(broker_url: str) -> bool:
    """Say whether the broker is a Redis, by its address."""
    return broker_url.startswith(("redis", "unix", "sentinel"))


def broker_options(broker_url: str, namespace: str) -> dict[str, Any]:
    """Transport options that every process on one broker must share.

    On Redis the namespace stands before every key of the broker, so several may share a database.
    On other brokers a virtual host does that.
    """
    if not is_redis_broker(broker_url):
        return {}
    return {"global_keyprefix": f"{namespace}:"}


def make_celery(broker_url: str, namespace: str) -> Celery:
    """Make a Celery app that speaks to the broker and gives up early; it connects when used."""
    # A plain Celery() would replace the web app's own current app.
    app = Celery("smsq", broker=broker_url, set_as_current=False)
    app.conf.update(
        broker_transport_options=_FAIL_FAST | broker_options(broker_url, namespace),
        # Measured: a repeated publish puts the same task in the queue twice.
        task_publish_retry=False,
        broker_connection_timeout=1,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


class Rings:
    """Rings jobs. Thread-safe; connects when first used."""

    def __init__(self, broker_url: str, namespace: str) -> None:
        self._app = make_celery(broker_url, namespace)

    def ring(self, task: Task, ids: Sequence[str], queue: Queue) -> bool:
        """Ring jobs, or messages to poll; in slices of at most `RING_MAX_JOBS`.

        Returns:
            False when the broker failed: the rest is left to `recover`.
        """
        remaining = iter(ids)
        # A ring wakes one thread up, and a bulk job keeps it busy for a whole request.
        spread = RING_SPREAD if task is Task.SEND_BULK else 1
        most = min(RING_MAX_JOBS, max(1, -(-len(ids) // spread)))
        while part := list(islice(remaining, most)):
            # A job rung alone gives its id to the task, so Flower's page of one is that of both.
            task_id = part[0] if len(part) == 1 else str(uuid.uuid4())
            try:
                self._app.send_task(task, args=[part], queue=queue, task_id=task_id, retry=False)
            except (BrokerError, KombuError, RedisError, OSError) as error:
                log.warning("ring failed, recover will repeat it: %s", type(error).__name__)
                return False
        return True

    def count_waiting(self, queue: Queue) -> int:
        """Count the rings that no worker has taken yet.

        Raises:
            Exception: Whatever the broker's client raises when the broker is away.
        """
        with self._app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            # Declared as workers do: kombu's passive kind looks below the wrong prefix on Redis.
            declared = channel.queue_declare(queue, durable=True, auto_delete=False)
            return int(declared[1])

    def close(self) -> None:
        """Give the broker connections back."""
        self._app.close()
