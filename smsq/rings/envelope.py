"""A ring as Celery and kombu write it into Redis. Pure, but for random tags.

In:  a task, a queue, ids. Out: the text that workers find in the queue's list.

Celery and kombu compose the first ring of a kind; of the next, only what differs is written.
They do the same work anew for each message, and make a new Redis client for it.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from typing import Any

from celery import Celery
from kombu import Exchange
from kombu.serialization import dumps

from smsq.names import Queue, Task

#: Most characters of the arguments that are shown; Celery's own bound.
_SHOWN = 1024


class Envelopes:
    """Writes rings. Thread-safe: what is kept is written once and never changed.

    Args:
        app: The producer's.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._kept: dict[tuple[Task, Queue], tuple[dict[str, Any], Any]] = {}

    def write(self, task: Task, ids: Sequence[str], queue: Queue) -> str:
        """Write one ring.

        A job rung alone gives its id to the task, so Celery's lines name the job.
        """
        frame, options = self._kept.get((task, queue)) or self._keep(task, queue)
        task_id = ids[0] if len(ids) == 1 else str(uuid.uuid4())
        body = json.dumps([[list(ids)], {}, options]).encode()
        shown = repr((list(ids),))
        frame = frame | {
            "body": base64.b64encode(body).decode(),
            "headers": frame["headers"]
            | {
                "id": task_id,
                "root_id": task_id,
                "argsrepr": shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}...",
            },
            "properties": frame["properties"]
            | {"correlation_id": task_id, "delivery_tag": str(uuid.uuid4())},
        }
        return json.dumps(frame)

    def _keep(self, task: Task, queue: Queue) -> tuple[dict[str, Any], Any]:
        message = self._app.amqp.as_task_v2("", task, args=([],), ignore_result=True)
        content_type, encoding, _ = dumps(message.body, serializer="json")
        _, _, options = message.body
        frame = {
            "content-encoding": encoding,
            "content-type": content_type,
            "headers": message.headers,
            "properties": message.properties
            | {
                "delivery_mode": Exchange.PERSISTENT_DELIVERY_MODE,
                "delivery_info": {"exchange": "", "routing_key": str(queue)},
                "priority": 0,
                "body_encoding": "base64",
            },
        }
        return self._kept.setdefault((task, queue), (frame, options))
