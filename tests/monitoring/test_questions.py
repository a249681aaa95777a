"""The questions at night of docs/operations.md: each is answered by its commands."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from redis import Redis

from smsq.domain.account import Endpoint
from smsq.domain.outcomes import Verdict
from smsq.errors import MisconfiguredError
from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import GIVE_UP_MS, Webhooks
from smsq.measures.exchange import Exchange
from smsq.measures.keys import MeasureKeys
from smsq.measures.packing import pack
from smsq.models import JobState, Kind
from smsq.names import Queue, Start
from smsq.operate.controls import Controls
from smsq.pacing.slots import Slot
from smsq.rings.presence import Presence
from smsq.settings import Settings
from tests.monitoring.rules import DOCS
from tests.smsq.cli.conftest import Smsq, smsq, smsq_json  # noqa: F401 - fixtures
from tests.smsq.measures.measured import EXCHANGE, report
from tests.smsq.world import ACCEPTED, PLAN, World
from tests.support import RedisServer

PAGE = DOCS / "operations.md"

Json = Callable[..., Any]
_Test = TypeVar("_Test", bound=Callable[..., object])

ANSWERED: set[str] = set()


def answers(question: str) -> Callable[[_Test], _Test]:
    """Note that a test is about this question."""
    ANSWERED.add(question)
    return lambda test: test


def read_questions() -> dict[str, str]:
    """Question → commands, as the page has them."""
    section = PAGE.read_text().partition("### Questions at night")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+\?) \| (.+) \| (.+) \|$", section, re.M)
    return {question: commands for question, commands, _ in rows}


@pytest.fixture
def present(settings: Settings) -> Iterator[World]:
    """A ledger whose clock begins two minutes ago, so that what happens is of this hour."""
    made = World(settings)
    made.now_us = int((time.time() - 120) * 1e6)
    yield made
    made.redis.close()


def checks_of(document: Any) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in document["checks"]}


def test_the_page_asks_at_least_ten_and_each_is_tested() -> None:
    questions = read_questions()
    assert len(questions) >= 10
    assert questions.keys() == ANSWERED
    assert all("`smsq " in commands for commands in questions.values())


@answers("Do codes go out, and how late?")
def test_codes(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    job = present.enqueue(priority=Queue.URGENT)
    present.pass_s(7)
    present.claims.settle(present.claim(job), ACCEPTED, PLAN, EXCHANGE)
    present.pass_s(20)
    report(present, job)

    [codes] = [row for row in smsq_json("history")["speeds"] if row["priority"] == "urgent"]
    assert (codes["requested"], codes["delivered"]) == (1, 1)
    assert 5 < codes["request_p95_s"] <= 10
    assert 20 < codes["delivered_p95_s"] <= 30
    assert re.search(r"urgent +1 +[5-9]\.?\d* s +\d+(\.\d)? s +1 +2\d s", smsq("history").stdout)


@answers("Why does nothing go out?")
def test_a_closed_gate(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    present.now_us = int(time.time() * 1e6)
    for who in ("j1", "j2", "j3"):
        failure = MisconfiguredError("401: invalid token", status=401)
        slot = Slot(wait_s=0, epoch=present.limiter.epoch())
        present.limiter.hear(slot, failure, who=who, endpoint=Endpoint.QUICK)

    assert "401: invalid token" in smsq("stats").stdout
    sending = checks_of(smsq_json("doctor", exit_code=1))["sending"]
    assert "401: invalid token" in sending["detail"]


@answers("Did this person's code go out?")
def test_one_persons_code(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    sent = smsq_json("send-quick", "375291234567", "Your code is 4821", "--priority", "urgent")
    present.now_us = int(time.time() * 1e6) + 1_000_000
    present.claims.settle(present.claim(sent["id"]), ACCEPTED, PLAN, EXCHANGE)
    report(present, sent["id"])

    [found] = smsq_json("find", "+375 29 123-45-67")["found"]
    assert (found["id"], found["recipient_state"]) == (sent["id"], "delivered")
    told = smsq("why", found["id"]).stdout
    assert "accepted" in told
    assert "delivered" in told


@answers("Who paused it?")
def test_who_paused(present: World, smsq: Smsq) -> None:  # noqa: F811
    Controls(present.redis, present.limiter, by="anna@desk").pause()

    [gate] = [line for line in smsq("stats").stdout.splitlines() if line.startswith("gate")]
    assert "paused" in gate
    assert "anna@desk" in gate


@answers("Is the gateway slow, or does it refuse?")
def test_a_gateway_that_is_slow_and_refuses(
    present: World,
    smsq: Smsq,  # noqa: F811
    smsq_json: Json,  # noqa: F811
) -> None:
    refused = Verdict(state=JobState.REJECTED, error="400: bad request")
    slow = Exchange(endpoint="q", outcome="refused", reason="http_400", took_ms=8000)
    for _ in range(3):
        present.claims.settle(present.claim(present.enqueue()), refused, PLAN, slow)

    document = smsq_json("history")
    [row] = document["requests"]
    assert (row["endpoint"], row["outcome"], row["reason"], row["count"]) == (
        *("sendQuickSMS", "refused", "http_400"),
        3,
    )
    assert document["answers"][0]["p95_s"] > 5
    assert re.search(r"sendQuickSMS +refused +http_400 +3", smsq("history").stdout)


@answers("Are a sender's deliveries falling?")
def test_a_sender_falls(present: World, smsq: Smsq) -> None:  # noqa: F811
    keys, minute = MeasureKeys(present.keys.namespace), int(time.time() // 60)
    hour = {"f|Shop|d": 50, "f|Shop|u": 50, "f|Bank|d": 97, "f|Bank|u": 3}
    day = {"f|Shop|d": 95, "f|Shop|u": 5, "f|Bank|d": 97, "f|Bank|u": 3}
    present.redis.set(keys.history(minute - 30), pack({"q|q|accepted|5": 200, **hour}))
    present.redis.set(keys.history(minute - 600), pack(day))

    told = smsq("history").stdout
    assert re.search(r"Shop +50 +50 +0 +50% +95%", told)
    assert re.search(r"Bank +97 +3 +0 +97% +97%", told)


@answers("What is stuck, and what do I do?")
def test_what_is_stuck(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    unknown = Verdict(state=JobState.UNKNOWN, error="no answer", error_class="unknown")
    dead = Verdict(state=JobState.DEAD, error="gave up: 500", error_class="temporary")
    ids = {}
    for verdict in (unknown, dead):
        ids[verdict.state] = present.enqueue()
        present.claims.settle(present.claim(ids[verdict.state]), verdict, PLAN)
    bulk = present.enqueue(kind=Kind.BULK)
    present.claims.settle(present.claim(bulk), Verdict(state=JobState.ACCEPTED), PLAN)

    found = checks_of(smsq_json("doctor", exit_code=1))
    assert "smsq unknown list" in found["unknown"]["fix"]
    assert "smsq dead list" in found["dead"]["fix"]
    assert ids[JobState.UNKNOWN] in smsq("unknown", "list").stdout
    assert ids[JobState.DEAD] in smsq("dead", "list").stdout
    assert bulk in smsq("unmatched", "--min-age-s", "0").stdout


@pytest.fixture
def web_version() -> Iterator[tuple[str, str]]:
    """The admin side of a `smsq web`: its address and version."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ok": True, "version": "0.1.0 3f2a91c"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", "0.1.0 3f2a91c"
    server.shutdown()
    server.server_close()


@answers("Do workers, beat and web live, and in which version?")
def test_who_lives(
    present: World,
    web_version: tuple[str, str],
    smsq_json: Json,  # noqa: F811
) -> None:
    present.now_us = int(time.time() * 1e6)
    Presence(present.scripts, "gw:443", "0.1.0 3f2a91c").tell("smsq-1@vm", 0.0)
    present.redis.set(present.keys.heartbeat, time.time())

    address, version = web_version
    found = checks_of(smsq_json("doctor", exit_code=1, SMSQ_ADMIN_LISTEN=address))
    assert "smsq-1@vm" in found["workers"]["detail"]
    assert "0.1.0 3f2a91c" in found["versions"]["detail"]
    assert found["beat"]["status"] == "ok"
    assert found["web"] == {
        "name": "web",
        "status": "ok",
        "fix": "",
        "detail": f"answers at {address}, version {version}",
    }

    away = smsq_json(
        "doctor",
        exit_code=1,
        SMSQ_ADMIN_LISTEN="127.0.0.1:9",
        SMSQ_CALLBACK_URL="https://a.example",
        SMSQ_CALLBACK_SECRET="s" * 16,
    )
    assert checks_of(away)["web"]["status"] == "warning"
    assert "smsq web" in checks_of(away)["web"]["fix"]


@answers("What did today cost?")
def test_what_today_cost(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    job = present.enqueue(priority=Queue.URGENT)
    present.claims.settle(present.claim(job), ACCEPTED, PLAN, EXCHANGE)
    keys, minute = MeasureKeys(present.keys.namespace), int(time.time() // 60)
    yesterday = pack({"p|urgent": 1000, "m|urgent": 35_000_000})
    present.redis.set(keys.history(minute - 20 * 60), yesterday)
    # Where it is noon now, midnight is far on both sides.
    noon = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"

    today = smsq_json("history", "--today", SMSQ_TIMEZONE=noon)
    assert (today["parts"], today["spent"]) == ({"urgent": 2}, {"urgent": 0.07})
    assert re.search(r"all +2 +0\.07", smsq("history", "--today", SMSQ_TIMEZONE=noon).stdout)
    both = smsq_json("history", "--hours", "24")
    assert both["parts"] == {"urgent": 1002}


@answers("Does my app get its events?")
def test_the_webhook(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    hooks = Webhooks(present.scripts, url="https://shop.example", start=Start.OLDEST)
    present.now_us -= GIVE_UP_MS * 1000
    present.enqueue()
    present.pass_s(10)
    hooks.collect()
    delivery = hooks.claim(lease_s=30)
    assert delivery
    present.pass_s(GIVE_UP_MS / 1000 + 1)
    hooks.settle(delivery, Posted(Answer.FAILED, "status 500"))
    present.enqueue()
    hooks.collect()

    assert "waiting: 1; failed: 1" in smsq("webhook", "list").stdout
    more = {"SMSQ_WEBHOOK_URL": "https://shop.example", "SMSQ_WEBHOOK_SECRET": "s" * 16}
    webhook = checks_of(smsq_json("doctor", exit_code=1, **more))["webhook"]
    assert webhook["status"] == "warning"
    assert "1 delivery waits, 1 given up" in webhook["detail"]


@pytest.mark.real_redis
@answers("Is Redis full, or did it lose something?")
def test_a_redis_that_is_full_and_loses_keys(
    tmp_path: Path,
    smsq_json: Json,  # noqa: F811
) -> None:
    options = ("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru")
    with RedisServer(tmp_path, *options) as server:
        with Redis.from_url(server.url) as client:
            for n in range(60):
                client.set(f"others:{n}", "x" * 100_000)
        found = checks_of(smsq_json("doctor", exit_code=1, SMSQ_REDIS_URL=server.url))

    assert "deleted" in found["lost keys"]["detail"]
    assert found["memory"]["status"] == "warning"
    assert "up for 0:0" in found["redis"]["detail"]
