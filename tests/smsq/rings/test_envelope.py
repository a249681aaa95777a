"""A ring that we write is the ring that Celery and kombu would have written."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from kombu import Exchange, Producer

from smsq.names import Queue, Task
from smsq.rings.broker import make_queue
from smsq.rings.envelope import Envelopes
from smsq.rings.rings import make_celery
from smsq.store.connection import connect

#: Random in each, whoever writes it.
RANDOM = ("delivery_tag", "correlation_id", "id", "root_id")


def written_by_kombu(redis_url: str, namespace: str, task: Task, ids: list[str], queue: Queue):
    app = make_celery(redis_url, namespace)
    with app.connection_for_write() as connection:
        message = app.amqp.as_task_v2(ids[0], task, args=(ids,), ignore_result=True)
        Producer(connection).publish(
            message.body,
            exchange="",
            routing_key=queue,
            declare=[make_queue(queue)],
            headers=message.headers,
            serializer="json",
            delivery_mode=Exchange.PERSISTENT_DELIVERY_MODE,
            retry=False,
            **message.properties,
        )
    app.close()
    redis = connect(redis_url)
    [raw] = redis.lrange(f"{namespace}:{queue}", 0, -1)
    redis.close()
    return json.loads(raw)


def flat(message: dict[str, Any], *but: str) -> dict[str, Any]:
    parts = {**message, **message["headers"], **message["properties"]}
    parts["body"] = json.loads(base64.b64decode(message["body"]))
    return {
        name: value for name, value in parts.items() if name not in {"headers", "properties", *but}
    }


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("queue", list(Queue))
def test_a_ring_for_one_is_the_same_to_the_letter(redis_url, namespace, task, queue):
    envelopes = Envelopes(make_celery(redis_url, namespace))
    envelopes.write(task, ["before"], queue)
    ours = json.loads(envelopes.write(task, ["j1"], queue))

    theirs = written_by_kombu(redis_url, namespace, task, ["j1"], queue)

    assert flat(ours, "delivery_tag") == flat(theirs, "delivery_tag")
    assert ours["headers"].keys() == theirs["headers"].keys()
    assert ours["properties"].keys() == theirs["properties"].keys()


@pytest.mark.parametrize("jobs", [2, 30, 100])
def test_a_ring_for_many_differs_in_what_is_random_and_shown(redis_url, namespace, jobs):
    ids = [f"j{n:016x}" for n in range(jobs)]
    envelopes = Envelopes(make_celery(redis_url, namespace))
    ours = json.loads(envelopes.write(Task.SEND_QUICK, ids, Queue.NORMAL))

    theirs = written_by_kombu(redis_url, namespace, Task.SEND_QUICK, ids, Queue.NORMAL)

    assert flat(ours, "argsrepr", *RANDOM) == flat(theirs, "argsrepr", *RANDOM)
    assert ours["headers"]["id"] == ours["properties"]["correlation_id"] not in ids
    assert ours["headers"]["argsrepr"].startswith("(['j0000000000000000', 'j")
    assert len(ours["headers"]["argsrepr"]) <= 1100


def test_no_two_rings_share_anything_that_may_be_changed(redis_url, namespace):
    envelopes = Envelopes(make_celery(redis_url, namespace))
    first, second = (
        json.loads(envelopes.write(Task.SEND_QUICK, ids, Queue.BULK)) for ids in (["j1"], ["j2"])
    )

    assert first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]
    assert (first["headers"]["id"], second["headers"]["id"]) == ("j1", "j2")
    assert flat(first)["body"][0] == [["j1"]]
