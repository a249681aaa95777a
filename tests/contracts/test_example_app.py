"""The example web app answers as the page for web developers says."""

from __future__ import annotations

import io
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

WEBAPP = Path(__file__).parents[2] / "examples" / "webapp.py"


@pytest.fixture
def webapp(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What its file defines, on this test's Redis."""
    for name in ("SMSQ_REDIS_URL", "SMSQ_NAMESPACE", "SMSQ_ALPHANAME_ID"):
        monkeypatch.setenv(name, environ[name])
    names = runpy.run_path(str(WEBAPP))
    yield names
    names["queue"].close()


def post(webapp: dict[str, Any], form: str) -> tuple[str, str]:
    statuses: list[str] = []
    body = form.encode()
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    [answer] = webapp["app"](environ, lambda status, headers: statuses.append(status))
    return statuses[0], answer.decode().strip()


def test_a_second_click_is_the_same_job_and_a_new_attempt_another(webapp: dict[str, Any]) -> None:
    first, second = (post(webapp, "phone=%2B375291234567&attempt=1") for _ in range(2))
    third = post(webapp, "phone=%2B375291234567&attempt=2")

    assert first == second
    assert first[0] == third[0] == "202 Accepted"
    assert first[1] != third[1]
    assert webapp["queue"].status(first[1]).state == "queued"


def test_a_code_goes_out_again_only_if_it_was_never_sent(webapp: dict[str, Any]) -> None:
    _, first = post(webapp, "phone=%2B375291234567&attempt=1")
    waits = post(webapp, "phone=%2B375291234567&attempt=1&again=1")
    webapp["queue"].cancel(first)
    second = post(webapp, "phone=%2B375291234567&attempt=1&again=1")

    assert waits[0] == "409 Conflict"
    assert second[0] == "202 Accepted"
    assert second[1] != first


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("phone=12&attempt=3", "400 Bad Request"),
        ("phone=%2B375291234567", "400 Bad Request"),
        ("phone=%2B375297654321&attempt=1", "409 Conflict"),
    ],
)
def test_a_mistake_is_answered_with_its_status(
    form: str, status: str, webapp: dict[str, Any]
) -> None:
    post(webapp, "phone=%2B375291234567&attempt=1")

    assert post(webapp, form)[0] == status
