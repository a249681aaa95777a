"""A canary: token, text and phone are searched for wherever somebody might look."""

from __future__ import annotations

import base64
import json
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from redis import Redis

from smsq.models import BulkMessage, JobState
from smsq.queue import SmsQueue
from tests.e2e.conftest import Deploy, Deployment, read_flower
from tests.support import wait_until

PHONE = "37529739"  # and four digits that the simulator answers by
TEXT = "canary-text-58213"
USER, PASSWORD = "ops", "flower-password"
#: Success, 400, error with 200, 429 once, HTML with 200, time-out, dropped.
SUFFIXES = ("4567", "0400", "0200", "0429", "0201", "0408", "0499")


@pytest.fixture(scope="module")
def flown(deploy: Deploy) -> Iterator[Deployment]:
    """A deployment in which a canary went through every end, a killed worker too."""
    with deploy(
        workers=2,
        has_flower=True,
        has_web=True,
        SMSQ_TIMEOUT_S="1",
        FLOWER_BASIC_AUTH=f"{USER}:{PASSWORD}",
    ) as deployment:
        queue = deployment.queue
        ids = [queue.send_quick(f"{PHONE}{suffix}", f"{TEXT} {suffix}") for suffix in SUFFIXES]
        ids.append(
            queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=[f"{PHONE}{4568}"])])
        )
        rest = (JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING)
        wait_until(lambda: not any(queue.stats().jobs[state] for state in rest), "all are settled")
        wait_until(lambda: queue.status(ids[0]).is_final, "the good one is delivered")
        crash(deployment, queue)
        yield deployment


def crash(deployment: Deployment, queue: SmsQueue) -> None:
    """Kill the worker that has a request on its way."""
    job = queue.send_quick(f"{PHONE}0408", f"{TEXT} crash")
    wait_until(lambda: queue.status(job).state is JobState.SUBMITTING, "a request is on its way")
    for name in ("worker", "worker1"):
        if f"-> send job={job}" in deployment.tail(name, 20):
            deployment.processes[name].send_signal(signal.SIGKILL)
            deployment.processes.pop(name).wait()
    assert len(deployment.processes) == 6


def secrets_of(deployment: Deployment) -> list[str]:
    return [
        deployment.environ["SMSQ_GATEWAY_TOKEN"],
        deployment.environ["SMSQ_CALLBACK_SECRET"],
        TEXT,
        PHONE,
    ]


def test_no_log_holds_token_text_or_phone(flown: Deployment) -> None:
    logs = flown.read_logs()

    assert "<- rejected" in logs
    assert "<- unknown" in logs
    assert "429" in logs
    for secret in secrets_of(flown):
        assert secret not in logs


def test_flower_shows_neither_token_nor_text_nor_phone(flown: Deployment) -> None:
    tasks = read_flower(flown, "/api/tasks")
    ids = re.findall(r'"uuid": "([^"]+)"', tasks)
    assert len(ids) >= len(SUFFIXES)
    workers = json.loads(read_flower(flown, "/api/workers?refresh=1"))
    pages = ["/", "/workers", "/tasks", "/broker", "/api/workers", "/metrics"]
    pages += [f"/task/{task_id}" for task_id in ids[:50]]
    pages += [f"/worker/{name}" for name in workers]

    for page in pages:
        text = read_flower(flown, page)
        for secret in secrets_of(flown):
            assert secret not in text, page


def test_flower_asks_for_its_password(flown: Deployment) -> None:
    for page in ("/", "/tasks", "/api/tasks", "/metrics"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(flown.url("flower") + page, timeout=10)


def test_flower_has_no_button_that_works(flown: Deployment) -> None:
    for act in ("worker/shutdown/smsq@host", "task/async-apply/smsq.send_quick"):
        with pytest.raises(AssertionError, match="403"):
            read_flower(flown, f"/api/{act}", data=b"")


def test_redis_holds_no_token_and_text_and_phone_only_with_their_job(flown: Deployment) -> None:
    token, secret, text, phone = secrets_of(flown)
    redis = Redis(port=flown.ports["redis"], decode_responses=True, encoding_errors="replace")
    seen = set()
    for key in redis.scan_iter("*", count=1000):
        value = read_value(redis, key)
        seen.add(key.split(":")[1])
        assert token not in value, key
        assert secret not in value, key
        assert phone not in key
        own = key.split(":")[1] in {"message", "texts", "recipients"}
        assert own or phone not in value, key
        if text in value:
            job = key.split(":")[2]
            assert own
            # Nobody knows what became of these: their texts may still be needed.
            assert flown.queue.status(job).state in {JobState.UNKNOWN, JobState.SUBMITTING}, key
    assert {"job", "message", "recipients", "counts"} <= seen


def read_value(redis: Redis, key: str) -> str:
    match redis.type(key):
        case "hash":
            return str(redis.hgetall(key))
        case "list":
            return decode_bodies(str(redis.lrange(key, 0, -1)))
        case "set":
            return str(redis.smembers(key))
        case "stream":
            return str(redis.xrange(key))
        case "zset":
            return str(redis.zrange(key, 0, -1, withscores=True))
        case _:
            return str(redis.get(key))


def decode_bodies(rings: str) -> str:
    """Celery's messages carry their bodies in base64."""
    bodies = re.findall(r'"body": ?"([A-Za-z0-9+/=]+)"', rings)
    return rings + " ".join(base64.b64decode(body).decode(errors="replace") for body in bodies)
