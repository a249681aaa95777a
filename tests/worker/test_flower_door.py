"""Flower's door: who needs a password, and what is closed behind it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re

import pytest
from celery import Celery
from flower.app import Flower
from flower.options import options
from flower.urls import settings
from flower.views import BaseHandler
from flower.views.monitor import Metrics
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from worker.flower_door import close, has_password


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `close` changes in Flower is as it was for the next test."""
    monkeypatch.setattr(Metrics, "get", Metrics.get)
    monkeypatch.setattr(BaseHandler, "set_default_headers", BaseHandler.set_default_headers)


@pytest.mark.parametrize(
    ("login", "arguments", "is_closed"),
    [
        ("ops:secret", (), True),
        ("ops:secret,night:other", (), True),
        ("ops:secret,night:", (), False),
        (None, (), False),
        ("", (), False),
        ("ops", (), False),
        (":secret", (), False),
        (None, ("--port", "--basic-auth"), True),
        (None, ("--basic_auth",), True),
        (None, ("--auth",), True),
        (None, ("--auth_provider",), False),
    ],
)
def test_a_login_is_a_name_and_a_password(
    login: str | None, arguments: tuple[str, ...], is_closed: bool
) -> None:
    environ = {} if login is None else {"FLOWER_BASIC_AUTH": login}
    assert has_password(environ, arguments) is is_closed


def test_it_is_read_only_unless_told_otherwise() -> None:
    fresh, told = {"FLOWER_READ_ONLY": ""}, {"FLOWER_READ_ONLY": "false"}
    close(fresh)
    close(told)
    assert fresh == {"FLOWER_READ_ONLY": "true", "FLOWER_PURGE_OFFLINE_WORKERS": "600"}
    assert told["FLOWER_READ_ONLY"] == "false"


def ask(path: str, user: str | None = None) -> HTTPResponse:
    """Ask a Flower that really listens."""

    async def fetch() -> HTTPResponse:
        app = Flower(options=options, capp=Celery(set_as_current=False), **settings)
        listening, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_socket(listening)
        login = {"auth_username": user, "auth_password": "secret"} if user else {}
        answer = await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{port}{path}", raise_error=False, **login
        )
        server.stop()
        app.executor.shutdown()
        return answer

    return asyncio.run(fetch())


def test_its_metrics_ask_for_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options._options["basic-auth"], "_value", ["ops:secret"])
    assert ask("/metrics").code == 200
    close({})
    assert [ask("/metrics", user).code for user in (None, "other", "ops")] == [401, 401, 200]


@pytest.mark.parametrize("path", ["/tasks", "/api/tasks", "/nowhere", "/metrics"])
def test_no_answer_of_its_may_be_framed_or_kept(path: str) -> None:
    close({})
    headers = ask(path).headers

    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("is_refreshed", [False, True])
def test_its_own_scripts_run_and_no_others(
    monkeypatch: pytest.MonkeyPatch, *, is_refreshed: bool
) -> None:
    monkeypatch.setattr(options._options["auto-refresh"], "_value", is_refreshed)
    close({})
    answer = ask("/workers")
    [script] = re.findall(r"<script(?![^>]*src)[^>]*>(.*?)</script>", answer.body.decode(), re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
    )

    assert f"autorefresh = {int(is_refreshed)}" in script
    assert f"'sha256-{digest}'" in policy["script-src"].split()
    assert "unsafe" not in policy["script-src"]
    assert policy["default-src"] == "'none'"
