"""The receiver: signed receipts teach message ids; everything else changes nothing."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
import uvicorn
from redis import Redis
from redis.exceptions import OutOfMemoryError

from smsq.campaigns.draft import MOST_MESSAGES
from smsq.gateway.receipts import receipt_url
from smsq.intake.mistakes import MAX_NAME
from smsq.measures.readings import Readings
from smsq.models import BulkMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts
from tests.support import wait_until
from worker.web import Receiver, make_app

SECRET = "sixteen characters or more"


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    url = "http://127.0.0.1:9"
    return environ | {"SMSQ_CALLBACK_URL": url, "SMSQ_CALLBACK_SECRET": SECRET}


def receipt_path(job: str, *, good_for_s: int = 3600, secret: str = SECRET) -> str:
    url = receipt_url("http://127.0.0.1", job, secret, until_s=int(time.time()) + good_for_s)
    return urlsplit(url).path


@dataclass
class Web:
    port: int

    def ask(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {"Content-Type": content_type})
        answer = connection.getresponse()
        read = answer.status, answer.read()
        connection.close()
        return read

    def post_receipt(self, job: str, document: object) -> int:
        path = receipt_path(job)
        return self.ask("POST", path, json.dumps(document).encode())[0]


@contextmanager
def serving(settings: Settings) -> Iterator[Web]:
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(Receiver.build(settings)), log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    wait_until(lambda: server.started, "the receiver is up")
    yield Web(bound.getsockname()[1])
    server.should_exit = True
    thread.join(10)
    bound.close()


@pytest.fixture
def web(settings: Settings) -> Iterator[Web]:
    with serving(settings) as started:
        yield started


@pytest.fixture
def job(queue: SmsQueue, scripts: Scripts) -> str:
    """A bulk job of two messages."""
    messages = [
        BulkMessage(name="Sale", text="hi", phones=["375291234567"]),
        BulkMessage(name="News", text="ho", phones=["375291234568"]),
    ]
    campaign = queue.send_bulk(messages)
    [found] = scripts.redis.lrange(scripts.keys.campaign_jobs(campaign), 0, -1)
    return str(found)


def ids_of(queue: SmsQueue, job: str) -> list[int | None]:
    return [message.message_id for message in queue.status(job).messages]


def test_a_signed_receipt_teaches_message_ids_by_name(web: Web, queue: SmsQueue, job: str) -> None:
    entries = [{"message_id": 12, "name": "News"}, {"message_id": 11, "name": "Sale"}]

    assert web.post_receipt(job, {"messages": entries}) == 200
    assert ids_of(queue, job) == [11, 12]


def test_while_the_secret_is_changed_receipts_with_the_old_one_are_taken(
    environ: dict[str, str], job: str
) -> None:
    """The gateway may post to an address for days after it was signed."""
    new, old = "the new secret of receipts", SECRET
    settings = Settings.from_env(environ | {"SMSQ_CALLBACK_SECRET": f"{new},{old}"})
    with serving(settings) as web:
        answers = [
            web.ask("POST", receipt_path(job, secret=secret), b'{"messages": [{"message_id": 11}]}')
            for secret in (old, new, f"{new},{old}", "a stranger's own guess")
        ]

    assert [status for status, _ in answers] == [200, 200, 404, 404]


def test_a_form_is_as_good_as_json(web: Web, queue: SmsQueue, job: str) -> None:
    path = receipt_path(job)
    body = b"messages[0][message_id]=11&messages[1][message_id]=12"

    status, _ = web.ask("POST", path, body, "application/x-www-form-urlencoded")
    assert status == 200
    assert ids_of(queue, job) == [11, 12]


def test_an_address_is_good_by_the_ledgers_clock(
    web: Web, queue: SmsQueue, job: str, settings: Settings
) -> None:
    redis = connect(settings.redis_url)
    two_hours_us = 2 * 3600 * 1_000_000
    # As after Redis' clock was set back: the ledger's is that much ahead of it.
    redis.hset(Keys(settings.namespace).limiter, "stepped_us", -two_hours_us)
    redis.close()

    assert web.ask("POST", receipt_path(job, good_for_s=3600), b"{}")[0] == 404
    assert web.ask("POST", receipt_path(job, good_for_s=10_800), b"{}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/receipts/{job}/" + "0" * 64,
        "/receipts/{job}/",
        "/receipts/{job}",
        "/receipts/{job}/%C3%A9",
        "/receipts/jother/{signature}",
        "/receipts/{job}/{expired}",
        "/",
    ],
)
def test_a_forged_or_unsigned_call_gets_404_and_changes_nothing_but_a_number(
    web: Web, queue: SmsQueue, scripts: Scripts, job: str, path: str
) -> None:
    signature = receipt_path(job).rpartition("/")[2]
    expired = receipt_path(job, good_for_s=-1).rpartition("/")[2]
    before = kinds_of_keys(scripts)
    status, _ = web.ask(
        "POST", path.format(job=job, signature=signature, expired=expired), b'{"message_id": 1}'
    )

    assert status == 404
    assert ids_of(queue, job) == [None, None]
    assert kinds_of_keys(scripts) == before


def kinds_of_keys(scripts: Scripts) -> dict[str, object]:
    """Kind of each key, but for those of numbers with history."""
    numbers = f"{scripts.keys.namespace}:minute"
    keys = scripts.redis.scan_iter(f"{scripts.keys.namespace}:*", count=1000)
    return {str(key): scripts.redis.type(key) for key in keys if not str(key).startswith(numbers)}


@pytest.mark.parametrize(
    ("job_of", "secret", "result"),
    [("{job}", "a stranger's own guess", "forged"), ("jgone", SECRET, "late")],
)
def test_a_receipt_that_is_turned_away_is_counted(
    web: Web, scripts: Scripts, job: str, job_of: str, secret: str, result: str
) -> None:
    path = receipt_path(job_of.format(job=job), secret=secret)

    assert web.ask("POST", path, b"{}")[0] == 404
    receipts = Readings(scripts).totals
    wait_until(lambda: receipts().receipts == {result: 1}, f"one is counted as {result}")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"odd": "shape"}', b"null"])
def test_an_authentic_receipt_of_any_shape_is_taken_and_kept_raw(
    web: Web, queue: SmsQueue, scripts: Scripts, job: str, body: bytes
) -> None:
    path = receipt_path(job)

    assert web.ask("POST", path, body)[0] == 200
    assert scripts.redis.llen(scripts.keys.receipts(job)) == 1
    assert queue.stats().oddities["receipts_unmatched"] == 1


def test_a_receipt_for_a_job_that_is_gone_is_not_found(web: Web) -> None:
    assert web.post_receipt("jgone", {"message_id": 1}) == 404


def test_a_body_beyond_the_bound_is_refused_and_not_kept(
    web: Web, queue: SmsQueue, settings: Settings, scripts: Scripts, job: str
) -> None:
    path = receipt_path(job)
    status, _ = web.ask("POST", path, b"x" * (Receiver.build(settings).max_body_bytes + 1))

    assert status == 413
    assert scripts.redis.exists(scripts.keys.receipts(job)) == 0
    wait_until(lambda: queue.stats().oddities.get("receipts_refused") == 1, "it is counted")


@pytest.mark.parametrize("recipients", [1000, 100_000])
def test_the_longest_receipt_of_the_largest_job_is_taken(
    settings: Settings, recipients: int
) -> None:
    """As PHP's json_encode writes it: six characters for each letter of a name."""
    receiver = Receiver.build(replace(settings, bulk_max_recipients=recipients))
    entry = {"message_id": 10**12, "name": "Щ" * MAX_NAME, "status": "accepted", "parts": 10}
    entries = [entry] * min(recipients, MOST_MESSAGES)
    body = json.dumps({"uuid": "u" * 36, "success": "OK", "messages": entries}, indent=1)

    assert len(body) <= receiver.max_body_bytes


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_receipt_with_thousands_of_rows_in_another_alphabet_teaches_its_id(
    web: Web, queue: SmsQueue, job: str, pack: Callable[[bytes], bytes]
) -> None:
    rows = [{"phone": f"37529{n:07d}", "status": "Принято", "text": "x" * 120} for n in range(2000)]
    message = {"name": "Sale", "message_id": 77, "delivery_list": rows}
    body = json.dumps({"messages": [message]}, ensure_ascii=False).encode("cp1251")
    assert len(body) > 256 * 1024

    status, _ = web.ask("POST", receipt_path(job), pack(body))

    assert status == 200
    assert queue.status(job).messages[0].message_id == 77


def test_a_packed_body_is_bounded_as_it_is_unpacked(
    web: Web, queue: SmsQueue, settings: Settings, job: str
) -> None:
    bomb = gzip.compress(b" " * (Receiver.build(settings).max_body_bytes + 1))

    assert web.ask("POST", receipt_path(job), bomb)[0] == 413
    wait_until(lambda: queue.stats().oddities.get("receipts_refused") == 1, "it is counted")


def test_only_the_newest_receipts_of_a_job_are_kept(web: Web, scripts: Scripts, job: str) -> None:
    for n in range(30):
        web.post_receipt(job, {"odd": n})

    kept = scripts.redis.lrange(scripts.keys.receipts(job), 0, -1)
    assert len(kept) == 20
    assert json.loads(kept[-1]) == {"odd": 29}


def test_health_follows_redis(web: Web, settings: Settings) -> None:
    assert web.ask("GET", "/healthz") == (200, b'{"ok":true}')


def test_health_says_to_anybody_that_no_receipt_can_be_stored_and_to_nobody_why(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OutOfMemoryError

    monkeypatch.setattr(Redis, "set", refuse)

    assert web.ask("GET", "/healthz") == (503, b'{"ok":false}')


def test_a_ledger_of_a_newer_version_takes_no_receipts(web: Web, scripts: Scripts) -> None:
    scripts.redis.hset(scripts.keys.limiter, "format", "99")

    assert web.ask("GET", "/healthz") == (503, b'{"ok":false}')


@pytest.mark.parametrize("path", ["/", "/metrics", "/login", "/find", "/static/page.css"])
def test_the_public_port_has_receipts_and_a_bare_health_alone(web: Web, path: str) -> None:
    assert web.ask("GET", path)[0] == 404
