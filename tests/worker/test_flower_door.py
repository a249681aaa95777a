"""Flower's door: who needs a password, and what is closed behind it."""

from __future__ import annotations

import asyncio

import pytest
from celery import Celery
from flower.app import Flower
from flower.options import options
from flower.views.monitor import Metrics
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from worker.flower_door import close, has_password


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


def test_it_is_read_only_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Metrics, "get", Metrics.get)
    fresh, told = {"FLOWER_READ_ONLY": ""}, {"FLOWER_READ_ONLY": "false"}
    close(fresh)
    close(told)
    assert fresh == {"FLOWER_READ_ONLY": "true", "FLOWER_PURGE_OFFLINE_WORKERS": "600"}
    assert told["FLOWER_READ_ONLY"] == "false"


def test_its_metrics_ask_for_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(user: str | None) -> int:
        app = Flower(options=options, capp=Celery(set_as_current=False))
        listening, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_socket(listening)
        login = {"auth_username": user, "auth_password": "secret"} if user else {}
        answer = await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{port}/metrics", raise_error=False, **login
        )
        server.stop()
        app.executor.shutdown()
        return int(answer.code)

    monkeypatch.setattr(Metrics, "get", Metrics.get)
    monkeypatch.setattr(options._options["basic-auth"], "_value", ["ops:secret"])
    assert asyncio.run(ask(None)) == 200
    close({})
    assert [asyncio.run(ask(user)) for user in (None, "other", "ops")] == [401, 401, 200]
