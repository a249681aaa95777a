"""News, end to end: the stream and the webhook tell what the ledger holds."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler
from itertools import cycle
from typing import Any

from smsq.events.events import Event, RecipientEvent
from smsq.events.signatures import verify_webhook
from smsq.models import FINAL_RECIPIENT_STATES, BulkMessage
from tests.e2e.conftest import Deploy, Deployment
from tests.receiver import Receiver, status
from tests.support import wait_until

SECRET = "the shop's own secret"
TEXT = "canary-text-77120"
PHONES = [f"37529{1_105_000 + n}" for n in range(60)]


def stall(_: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def in_turn(*answers: Callable[[BaseHTTPRequestHandler], None]) -> Any:
    turns = cycle(answers)
    return lambda handler: next(turns)(handler)


def count_final(states: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Final states of recipients among events as they are posted."""
    return Counter(e["new_state"] for e in states if e["new_state"] in FINAL_RECIPIENT_STATES)


def posted(receiver: Receiver) -> dict[str, dict[str, Any]]:
    """Every event that came, by its id; repeated ones are equal."""
    return {event["id"]: event for document in receiver.documents for event in document["events"]}


def slowest_health_s(deployment: Deployment) -> float:
    took = []
    for _ in range(20):
        began_s = time.monotonic()
        with urllib.request.urlopen(deployment.url("web") + "/healthz", timeout=10) as answer:
            assert answer.status == 200
        took.append(time.monotonic() - began_s)
    return max(took)


def test_stream_and_webhook_tell_what_became_of_every_recipient(deploy: Deploy) -> None:
    with (
        Receiver() as receiver,
        deploy(
            *("--undelivered-share", "0.2"),
            has_web=True,
            SMSQ_WEBHOOK_URL=receiver.url,
            SMSQ_WEBHOOK_SECRET=SECRET,
            SMSQ_BULK_MAX_RECIPIENTS="25",
        ) as deployment,
    ):
        queue = deployment.queue
        receiver.answer = stall
        campaign = queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=PHONES)])
        wait_until(lambda: receiver.posts, "the receiver stalls")
        # A slow receiver is in nobody's way.
        assert slowest_health_s(deployment) < 2
        wait_until(lambda: queue.status(campaign).is_final, "the campaign is done")
        receiver.answer = in_turn(status(500), status(200), status(302, Location="/"))
        counts = queue.status(campaign).counts

        events: dict[str, Event] = {
            event.id: event
            for event in queue.events(group="shop", consumer="test", block_s=1, start="oldest")
        }
        states = [event.new_state for event in events.values() if isinstance(event, RecipientEvent)]
        assert Counter(s for s in states if s in FINAL_RECIPIENT_STATES) == counts
        wait_until(lambda: posted(receiver).keys() == events.keys(), "all news was posted")
        recipients = [e for e in posted(receiver).values() if e["type"] == "recipient"]
        assert count_final(recipients) == counts
        receiver.answer = status(200)

    for headers, body in receiver.posts:
        stamp, signature = headers["X-Smsq-Timestamp"], headers["X-Smsq-Signature"]
        assert verify_webhook(body, stamp, signature, SECRET)
        assert TEXT.encode() not in body
        assert not any(phone[5:].encode() in body for phone in PHONES)
    assert {event["campaign_id"] for event in posted(receiver).values()} == {campaign}
    logs = deployment.read_logs()
    for secret in (SECRET, "shop=1", TEXT):
        assert secret not in logs
