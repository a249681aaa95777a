"""The webhook's view: signed posts become signals, and nothing else gets in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, override_settings

import smsq
from smsq.contrib.django.signals import job_changed
from smsq.events.signatures import sign_headers
from smsq.events.wire import dump_event
from smsq.models import JobState

NEW, OLD = "the new secret of 16", "the old secret of 16"
PATH = "/sms-events/"


@pytest.fixture(autouse=True)
def _secrets(smsq_settings: dict[str, object]) -> Iterator[None]:
    with override_settings(SMSQ={**smsq_settings, "WEBHOOK_SECRET": f"{NEW},{OLD}"}):
        yield


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    found: list[Any] = []

    def hear(event: Any, **_: Any) -> None:
        found.append(event)

    job_changed.connect(hear)
    yield found
    job_changed.disconnect(hear)


EVENT = smsq.JobEvent(
    id="1-0:0",
    at=datetime(2026, 11, 24, tzinfo=UTC),
    job_id="j1",
    campaign_id=None,
    old_state=None,
    new_state=JobState.QUEUED,
)


def post(secret: str = NEW, body: bytes | None = None, age_s: float = 0) -> Any:
    body = body or json.dumps({"id": "1-0", "events": [dump_event(EVENT)]}, default=str).encode()
    headers = sign_headers(body, "1-0", str(int(time.time() - age_s)), [secret])
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(PATH, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_signed_post_is_a_signal_with_the_same_event(secret: str, heard: list[Any]) -> None:
    assert post(secret).status_code == 204
    assert heard == [EVENT]


def test_a_post_of_others_is_refused(heard: list[Any]) -> None:
    assert post("another secret of 16").status_code == 403
    assert post(age_s=600).status_code == 403
    assert Client().get(PATH).status_code == 405
    assert heard == []


def test_a_receiver_that_fails_has_the_post_come_again(heard: list[Any]) -> None:
    def fail(**_: Any) -> None:
        raise ValueError

    job_changed.connect(fail)
    try:
        assert post().status_code == 500
    finally:
        job_changed.disconnect(fail)
    assert post().status_code == 204


def test_a_body_above_djangos_bound_is_asked_for_in_halves() -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10):
        assert post().status_code == 413
