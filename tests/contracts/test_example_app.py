"""The example web app answers as the page for web developers says."""

from __future__ import annotations

import io
import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.browser import open_browser
from tests.support import wait_until

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


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write nothing: requests are not what a test's reader looks for."""


@contextmanager
def serving(app: Any) -> Iterator[str]:
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_a_visitor_asks_for_a_code_and_for_it_again(webapp: dict[str, Any], tmp_path: Path) -> None:
    with serving(webapp["app"]) as url, open_browser(tmp_path / "browser") as page:

        def says(text: str) -> bool:
            answer = "document.querySelector('iframe').contentDocument.body.innerText"
            return text in str(page.run(answer))

        page.open(url)
        page.fill("[name=phone]", "12")
        page.run("document.querySelector('button').click()")
        wait_until(lambda: says("is not valid"), "the visitor reads of the mistake")

        page.fill("[name=phone]", "+375 29 123-45-67")
        page.run("document.querySelector('button').click()")
        wait_until(lambda: webapp["queue"].stats().jobs["queued"] == 1, "the code is queued")
        page.run("document.querySelector('[name=again]').click()")
        wait_until(lambda: says("on its way"), "it is not sent twice")


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
