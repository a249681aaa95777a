"""The questions at night of docs/operations.md: each is answered by its commands."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from redis import Redis

from smsq.environment.page.listen import Listen
from smsq.operate.checks import Mark
from smsq.operate.web_check import check_web
from smsq.settings import Settings
from tests.monitoring import situations
from tests.monitoring.rules import DOCS
from tests.smsq.cli.conftest import Smsq, smsq, smsq_json  # noqa: F401 - fixtures
from tests.smsq.world import World
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
    situations.late_code(present)

    [codes] = [row for row in smsq_json("history")["speeds"] if row["priority"] == "urgent"]
    assert (codes["requested"], codes["delivered"]) == (1, 1)
    assert 5 < codes["request_p95_s"] <= 10
    assert 20 < codes["delivered_p95_s"] <= 30
    assert re.search(r"urgent +1 +[5-9]\.?\d* s +\d+(\.\d)? s +1 +2\d s", smsq("history").stdout)


@answers("Why does nothing go out?")
def test_a_closed_gate(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    situations.refused_token(present)

    assert "401: invalid token" in smsq("stats").stdout
    sending = checks_of(smsq_json("doctor", exit_code=1))["sending"]
    assert "401: invalid token" in sending["detail"]


@answers("Did this person's code go out?")
def test_one_persons_code(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    job = situations.delivered_code(present)

    [found] = smsq_json("find", "+375 29 123-45-67")["found"]
    assert (found["id"], found["recipient_state"]) == (job, "delivered")
    told = smsq("why", found["id"]).stdout
    assert "accepted" in told
    assert "delivered" in told


@answers("Who paused it?")
def test_who_paused(present: World, smsq: Smsq) -> None:  # noqa: F811
    situations.pause_by_anna(present)

    [gate] = [line for line in smsq("stats").stdout.splitlines() if line.startswith("gate")]
    assert "paused" in gate
    assert "anna@desk" in gate


@answers("Is the gateway slow, or does it refuse?")
def test_a_gateway_that_is_slow_and_refuses(
    present: World,
    smsq: Smsq,  # noqa: F811
    smsq_json: Json,  # noqa: F811
) -> None:
    situations.slow_refusals(present)

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
    situations.fallen_sender(present)

    told = smsq("history").stdout
    assert re.search(r"Shop +50 +50 +0 +50% +95%", told)
    assert re.search(r"Bank +97 +3 +0 +97% +97%", told)


@answers("What is stuck, and what do I do?")
def test_what_is_stuck(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    ids = situations.stuck_jobs(present)

    found = checks_of(smsq_json("doctor", exit_code=1))
    assert "smsq unknown list" in found["unknown"]["fix"]
    assert "smsq dead list" in found["dead"]["fix"]
    assert ids["unknown"] in smsq("unknown", "list").stdout
    assert ids["dead"] in smsq("dead", "list").stdout
    assert ids["unmatched"] in smsq("unmatched", "--min-age-s", "0").stdout


@pytest.fixture
def web_version() -> Iterator[tuple[str, str]]:
    """The admin side of a `smsq web`: its address and version."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ok": True, "version": situations.VERSION}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", situations.VERSION
    server.shutdown()
    server.server_close()


@answers("Do workers, beat and web live, and in which version?")
def test_who_lives(
    present: World,
    settings: Settings,
    web_version: tuple[str, str],
    smsq_json: Json,  # noqa: F811
) -> None:
    situations.live_processes(present)

    address, version = web_version
    found = checks_of(smsq_json("doctor", exit_code=1, SMSQ_ADMIN_LISTEN=address))
    assert "smsq-1@vm" in found["workers"]["detail"]
    assert situations.VERSION in found["versions"]["detail"]
    assert found["beat"]["status"] == "ok"
    assert found["web"] == {
        "name": "web",
        "status": "ok",
        "fix": "",
        "detail": f"answers at {address}, version {version}",
    }

    elsewhere = replace(settings, admin_listen=Listen("127.0.0.1", 9), webhook_url="https://a.b")
    [away] = check_web(elsewhere)
    assert (away.status, away.name) == (Mark.WARNING, "web")
    assert "smsq web" in away.fix


@answers("What did today cost?")
def test_what_today_cost(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    situations.costs(present)
    # Where it is noon now, midnight is far on both sides.
    noon = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"

    today = smsq_json("history", "--today", SMSQ_TIMEZONE=noon)
    assert (today["parts"], today["spent"]) == ({"urgent": 2}, {"urgent": 0.07})
    assert re.search(r"all +2 +0\.07", smsq("history", "--today", SMSQ_TIMEZONE=noon).stdout)
    both = smsq_json("history", "--hours", "24")
    assert both["parts"] == {"urgent": 1002}


@answers("Does my app get its events?")
def test_the_webhook(present: World, smsq: Smsq, smsq_json: Json) -> None:  # noqa: F811
    situations.held_up_events(present)

    assert "waiting: 1; failed: 1" in smsq("webhook", "list").stdout
    more = {
        "SMSQ_WEBHOOK_URL": situations.WEBHOOK,
        "SMSQ_WEBHOOK_SECRET": "a secret of the webhook",
    }
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
