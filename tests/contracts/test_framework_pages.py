"""The pages for web frameworks: their snippets, one after the other, are an app that works."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import pytest

import smsq
from smsq.testing import Outbox
from tests.contracts.test_pages import find_blocks
from tests.smsq.contrib.posts import NEW, make_event, sign
from tests.smsq.contrib.testclient import TestClient

TEST = "test_a_customer_hears_that_the_order_is_ready"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSQ_ALPHANAME_ID", "123")
    monkeypatch.setenv("SMSQ_WEBHOOK_SECRET", NEW)


def run_page(page: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run each snippet as the file that its first line names, and return all names."""
    files: dict[str, ModuleType] = {}
    for block in find_blocks(page, "python"):
        [name] = re.findall(r"^# (\w+)\.py", block)
        file = files.setdefault(name, ModuleType(name))
        monkeypatch.setitem(sys.modules, name, file)
        exec(compile(block, page, "exec"), vars(file))
    return {name: value for file in files.values() for name, value in vars(file).items()}


def test_the_page_for_flask(sms_outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_page("docs/flask.md", monkeypatch)
    app = names["create_app"]()
    heard: list[smsq.Event] = []
    names["add_events"](app, heard.append)
    client = app.test_client()
    body, headers = sign(make_event())

    names[TEST](sms_outbox)
    assert client.post("/orders/1/ready", data={"phone": "12"}).status_code == 400
    sms_outbox.fails = smsq.QueueUnavailableError("down")
    assert client.post("/orders/1/ready", data={"phone": "+375291234567"}).status_code == 503
    assert client.post("/sms-events", data=body, headers=dict(headers)).status_code == 204
    assert client.post("/sms-events", data=body).status_code == 403
    assert heard == [make_event()]


def test_the_page_for_fastapi(sms_outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_page("docs/fastapi.md", monkeypatch)
    body, headers = sign(make_event())

    names[TEST](sms_outbox)
    for app in (names["app"], names["starlette_app"]):
        with TestClient(app) as client:
            assert client.post("/sms-events", content=body, headers=headers).status_code == 204
            assert client.post("/sms-events", content=body).status_code == 403
    assert names["delivered"] == {"j1"}
    with TestClient(names["app_with_its_own"]):
        assert isinstance(names["app_with_its_own"].state.smsq, smsq.AsyncSmsQueue)
    with TestClient(names["app"]) as client:
        assert client.post("/orders/1/ready", json={"phone": "12"}).status_code == 400
        sms_outbox.fails = smsq.QueueUnavailableError("down")
        assert client.post("/orders/1/ready", json={"phone": "+375291234567"}).status_code == 503
