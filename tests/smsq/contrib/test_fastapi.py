"""FastAPI and Starlette: a queue for the life of the app, and the webhook's events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

import smsq
from smsq.contrib.fastapi import Sms, WebhookEvents, lifespan
from smsq.contrib.starlette import webhook_route
from smsq.settings import Settings
from tests.smsq.contrib.posts import NEW, OLD, make_event, sign
from tests.smsq.contrib.testclient import TestClient

HEARD: list[smsq.Event] = []


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    HEARD.clear()
    return Settings.from_env(environ | {"SMSQ_WEBHOOK_SECRET": f"{NEW},{OLD}"})


def make_app(settings: Settings | None) -> FastAPI:
    app = FastAPI(lifespan=lifespan(settings))

    @app.post("/send")
    async def send(sms: Sms, phone: str) -> str:
        return await sms.send_quick(phone, "code")

    @app.post("/sms-events", status_code=204)
    async def hear(events: WebhookEvents) -> None:
        HEARD.extend(events)

    return app


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(make_app(settings)) as client:
        yield client


def test_a_view_sends(client: TestClient, queue: smsq.SmsQueue) -> None:
    job = client.post("/send", params={"phone": "+375 29 123-45-67"}).json()

    assert queue.status(job).state is smsq.JobState.QUEUED


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_signed_post_is_the_same_event(client: TestClient, secret: str) -> None:
    body, headers = sign(make_event(), secret)

    assert client.post("/sms-events", content=body, headers=headers).status_code == 204
    assert [make_event()] == HEARD


def test_any_other_post_is_refused(client: TestClient) -> None:
    body, headers = sign(make_event(), "another secret of 16")

    answer = client.post("/sms-events", content=body, headers=headers)

    assert (answer.status_code, answer.json()) == (403, {"detail": "wrong_signature"})
    assert HEARD == []


def test_wrong_settings_keep_the_app_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSQ_RATE_PER_S", "-1")
    with pytest.raises(smsq.ConfigError, match="SMSQ_RATE_PER_S"), TestClient(make_app(None)):
        pass


def test_a_missing_sender_ends_the_start_unless_every_call_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SMSQ_ALPHANAME_ID", raising=False)
    with pytest.raises(smsq.ConfigError, match="SMSQ_ALPHANAME_ID"), TestClient(make_app(None)):
        pass
    with TestClient(FastAPI(lifespan=lifespan(needs_sender=False))) as client:
        assert client.get("/").status_code == 404


def test_an_app_without_the_lifespan_says_what_to_give_it(settings: Settings) -> None:
    client = TestClient(make_app(settings))  # not entered: the app was not started

    with pytest.raises(RuntimeError, match="lifespan"):
        client.post("/send", params={"phone": "1"})


def test_a_lifespan_of_the_apps_own_enters_ours(settings: Settings) -> None:
    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[None]:
        async with lifespan(settings)(app):
            yield

    async def handle(event: smsq.Event) -> None:
        HEARD.append(event)
        if len(HEARD) == 1:
            raise OSError("the database is away")

    app = Starlette(routes=[webhook_route("/sms-events", handle)], lifespan=own)
    body, headers = sign(make_event())
    with TestClient(app, raise_server_exceptions=False) as client:
        answers = [
            client.post("/sms-events", content=body, headers=headers).status_code for _ in "ab"
        ]

    assert answers == [500, 204]
    assert [make_event()] * 2 == HEARD
    assert not hasattr(app.state, "smsq")
