"""What docs/webhook.md shows does what it says: its snippets run on real events."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import smsq
from smsq.domain.outcomes import Verdict
from smsq.events.signatures import sign_headers
from smsq.events.wire import dump_event
from smsq.models import JobState
from tests.contracts.test_pages import find_blocks
from tests.smsq.world import PLAN, World

PAGE = "docs/webhook.md"
SECRET = "a secret of the shop's"


class Readable:
    """A queue whose events end, and begin with the oldest."""

    def __init__(self, queue: smsq.SmsQueue) -> None:
        self._queue = queue

    def events(self, **options: Any) -> smsq.EventReader:
        return self._queue.events(**options, block_s=0, start="oldest")


def run(block: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(block, PAGE, "exec"), names)
    return names


def find_block(words: str) -> str:
    [found] = [block for block in find_blocks(PAGE, "python") if words in block]
    return found


def test_the_reader_tells_the_office_of_a_rejected_job(
    queue: smsq.SmsQueue, settings: smsq.Settings
) -> None:
    world, told = World(settings), list[tuple[str, str]]()
    job = world.enqueue()
    world.claims.settle(world.claim(job), Verdict(state=JobState.REJECTED, error="no name"), PLAN)
    world.redis.close()

    names = {
        "smsq": smsq,
        "queue": Readable(queue),
        "tell_the_office": lambda *args: told.append(args),
    }
    run(find_block("queue.events("), names)
    assert told == [(job, "no name")]


def test_the_flask_view_takes_what_is_signed_and_nothing_else(
    queue: smsq.SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask = pytest.importorskip("flask")
    monkeypatch.setenv("SMSQ_WEBHOOK_SECRET", SECRET)
    job = queue.send_quick("+375291234567", "code")
    events = list(queue.events(group="app", consumer="one", block_s=0, start="oldest"))
    body = json.dumps({"id": "1-0", "events": [dump_event(event) for event in events]}).encode()
    headers = sign_headers(body, "1-0", str(int(time.time())), [SECRET])
    app, queued = flask.Flask("shop"), dict[str, smsq.Event]()

    block = "import os\nfrom flask import abort, request\n" + find_block("parse_webhook(")
    run(block, {"smsq": smsq, "app": app, "enqueue_once": queued.__setitem__})
    client = app.test_client()
    assert client.post("/sms-events", data=body, headers=headers).status_code == 204
    assert client.post("/sms-events", data=body + b" ", headers=headers).status_code == 403
    [event] = queued.values()
    assert isinstance(event, smsq.JobEvent)
    assert event.job_id == job


def test_the_document_on_the_page_is_what_is_posted() -> None:
    [document] = find_blocks(PAGE, "json")

    for shown in json.loads(document)["events"]:
        event = smsq.load_event(shown)
        assert event
        assert dump_event(event) == shown
