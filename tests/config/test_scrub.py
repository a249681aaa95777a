"""What no line may hold is taken out of it, and all other lines stay as they are."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import scrub as scrubbing
from config.logs import TextFormatter
from config.scrub import hide, hide_secrets_of, scrub
from smsq.settings import Settings

TOKEN = "eyJpdi/I6+IjJzOFlF=="


@pytest.fixture(autouse=True)
def _forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubbing, "_secrets", [])


@pytest.mark.parametrize(
    "line",
    [
        "<- accepted job=j0123456789abcdef 84ms",
        "Connected to redis://:**@192.168.100.200:6379//",
        "Uvicorn running on http://127.0.0.1:8080 (Press CTRL+C to quit)",
        "Task recover[2575bd63-4637-413a-876c-a6db8011f357] succeeded in 0.0425902930001s",
        "2026-11-27 16:20:01,123 is no phone, nor is 10.0.0.255:6379",
        "what now? nothing=known",
        "webhook delivery=d-1 events=12 attempt=1: taken ",
    ],
)
def test_a_line_that_holds_nothing_stays_as_it_is(line: str) -> None:
    hide([TOKEN])
    assert scrub(line, "celery.worker") == line


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("GET /api/v1/sendQuickSMS?token=abc&phone=1 200", "GET /api/v1/sendQuickSMS?*** 200"),
        ("http://g.example/x?token=abc", "http://g.example/x?***"),
        ("redis://user:hunter2@db:6379/0", "redis://user:***@db:6379/0"),
        ("POST /receipts/j1/1764.abcdef 200", "POST /receipts/j1/*** 200"),
        ("no way to +375 29 123-45-67", "no way to +375*******67"),
        ("no way to 375291234567!", "no way to +375*******67!"),
        ("to=%2B375291234567", "to=+375*******67"),
        ("phone_375291234567", "phone_+375*******67"),
    ],
)
def test_what_a_library_says_too_much_is_taken_out(line: str, left: str) -> None:
    assert scrub(line, "urllib3.connectionpool") == left


def test_ids_of_our_own_lines_are_no_phones() -> None:
    line = "webhook delivery=1764265801123-0 events=1"
    assert scrub(line, "worker.courier") == line


def test_the_secrets_of_a_process_are_in_none_of_its_lines() -> None:
    environ = {
        "SMSQ_REDIS_URL": "redis://:redis-password@127.0.0.1/0",
        "SMSQ_GATEWAY_URL": "https://gateway.example",
        "SMSQ_GATEWAY_TOKEN": TOKEN,
        "SMSQ_CALLBACK_SECRET": "callback-secret-new,callback-secret-old",
    }
    hide_secrets_of(Settings.from_env(environ, needs_gateway=True))
    spelt = [TOKEN, "eyJpdi/I6%2BIjJzOFlF%3D%3D", "eyJpdi%2FI6%2BIjJzOFlF%3D%3D"]
    for secret in (*spelt, "redis-password", "callback-secret-new", "callback-secret-old"):
        assert secret not in scrub(f"it said {secret!r}, and {secret}", "smsq.any")


def test_the_text_form_is_scrubbed_too_down_to_its_traceback() -> None:
    hide([TOKEN])
    error = ValueError(f"no {TOKEN}")
    told = (ValueError, error, None)
    record = logging.LogRecord("celery.x", logging.ERROR, "a.py", 1, "a %s", (TOKEN,), told)

    assert TextFormatter("%(message)s").format(record) == "a ***\nValueError: no ***"


@given(
    st.text("0123456789", min_size=9, max_size=15),
    st.text(st.characters(exclude_categories=["L", "N", "Cs"], exclude_characters="."), max_size=5),
)
def test_no_library_shows_a_phone(phone: str, around: str) -> None:
    assert phone not in scrub(f"{around}{phone}{around}", "celery.worker")
