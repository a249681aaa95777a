"""The detailed `/healthz` and `/metrics`: for anybody on loopback, beyond it with a password."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import httpx
import pytest
from redis import Redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError

from smsq.environment.page.listen import Listen
from smsq.environment.version import read_version
from smsq.queue import SmsQueue
from smsq.rings.presence import Presence
from smsq.settings import Settings
from smsq.store.clock import ledger_time
from smsq.store.scripts import Scripts
from tests.worker.page.browsing import READER, Visitor
from worker.page.serving import admin_at_work


def health(visitor: Visitor) -> tuple[int, dict[str, Any]]:
    answer = visitor.get("/healthz")
    return answer.status_code, answer.json()


@pytest.fixture
def well(scripts: Scripts) -> Scripts:
    """A ledger with a worker and a beat."""
    Presence(scripts, "gateway:80").tell("w1@host", 0.5)
    scripts.redis.set(scripts.keys.heartbeat, ledger_time(scripts.redis, scripts.keys).now_s)
    return scripts


def test_all_is_well(stranger: Visitor, well: Scripts) -> None:
    code, told = health(stranger)

    assert code == 200
    assert told["ok"] is True
    assert told["version"] == read_version()
    assert told["workers"] == {"ok": True, "alive": 1}
    assert told["gate"] == {"ok": True, "closed_for_s": 0.0, "paused": False}
    assert set(told) == {"ok", "version", "redis", "beat", "workers", "gate"}


def test_what_is_not_well_is_named(stranger: Visitor, well: Scripts) -> None:
    redis, keys = well.redis, well.keys
    redis.hset(keys.limiter, "closed_until_us", 4 * 10**15)
    assert health(stranger)[1]["gate"] == {"ok": False, "closed_for_s": None, "paused": True}
    redis.hdel(keys.limiter, "closed_until_us")
    redis.delete(keys.heartbeat)
    code, told = health(stranger)
    assert (code, told["beat"]) == (503, {"ok": False, "age_s": None})
    redis.set(keys.heartbeat, "1")
    assert health(stranger)[1]["beat"]["ok"] is False
    redis.delete(keys.workers)
    assert health(stranger)[1]["workers"] == {"ok": False, "alive": 0}


@pytest.mark.parametrize(
    ("error", "said"),
    [(BusyLoadingError(), "it is loading"), (OutOfMemoryError(), "it is full")],
)
def test_it_says_why_redis_takes_nothing(
    stranger: Visitor, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Redis, "set", refuse)

    code, told = health(stranger)
    assert (code, told["ok"]) == (503, False)
    assert said in told["redis"]["why"]


def test_it_says_that_a_newer_version_wrote_the_ledger(stranger: Visitor, well: Scripts) -> None:
    well.redis.hset(well.keys.limiter, "format", "99")

    code, told = health(stranger)
    assert code == 503
    assert "a newer version of smsq" in told["redis"]["why"]


def test_metrics_are_prometheus_text(stranger: Visitor, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234567", "hi")
    answer = stranger.get("/metrics")

    assert answer.status_code == 200
    assert 'smsq_jobs{state="queued"} 1.0' in answer.text
    assert "smsq_rate_current_per_second 10.0" in answer.text
    assert str(job) not in answer.text


def test_beyond_loopback_programs_need_the_password_of_a_reader(
    settings: Settings, environ: dict[str, str], well: Scripts
) -> None:
    with admin_at_work(replace(settings, admin_listen=Listen("0.0.0.0", 0)), environ) as port:
        url = f"http://127.0.0.1:{port}"
        for path in ("/metrics", "/healthz"):
            refused = httpx.get(url + path, timeout=60)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic")
            assert httpx.get(url + path, auth=READER, timeout=60).status_code == 200
            assert httpx.get(url + path, auth=(READER[0], "x"), timeout=60).status_code == 401
        for junk in ("Basic", "Basic !", "Bearer x", "Basic " + base64.b64encode(b"x").decode()):
            headers = {"Authorization": junk}
            assert httpx.get(f"{url}/metrics", headers=headers, timeout=60).status_code == 401
        guesses = [
            httpx.get(f"{url}/metrics", auth=(READER[0], f"guess {n}"), timeout=60).status_code
            for n in range(15)
        ]
        # Prometheus goes on: who was right a moment ago is not slowed by guesses.
        assert guesses[-1] == 429
        assert httpx.get(f"{url}/metrics", auth=READER, timeout=60).status_code == 200
