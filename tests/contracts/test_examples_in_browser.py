"""The examples of a login by SMS, used by a visitor: a browser, real workers, a simulated phone."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser import Browser, open_browser
from tests.contracts.test_followed_pages import serving
from tests.e2e.conftest import Deploy, Deployment, deploy
from tests.smsq.contrib.posts import NEW
from tests.support import free_port, wait_until

__all__ = ["deploy"]

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
PHONE, DIGITS = "+375 29 123-45-67", "375291234567"


@contextmanager
def visiting(command: str, port: int, deployment: Deployment, folder: Path) -> Iterator[Browser]:
    """Serve an example and open its page."""
    names = ("SMSQ_REDIS_URL", "SMSQ_NAMESPACE", "SMSQ_ALPHANAME_ID", "SMSQ_WEBHOOK_SECRET")
    settings = {name: deployment.environ[name] for name in names if name in deployment.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, **settings, "PATH": path, "PYTHONPATH": str(EXAMPLES)}
    with serving(command, port, folder, environ), open_browser(folder / "browser") as page:
        page.open(f"http://127.0.0.1:{port}/")
        page.take_picture(folder / "begin.png")
        yield page


def find_code(deployment: Deployment) -> str:
    """Read the phone that the code was sent to."""
    wait_until(lambda: deployment.gateway.accepted(), "the phone has the code")
    [(phone, text)] = deployment.gateway.accepted()
    assert phone == DIGITS
    [code] = re.findall(r"\d{6}", text)
    return str(code)


def test_a_visitor_of_the_flask_example_logs_in(deploy: Deploy, tmp_path: Path) -> None:
    with (
        deploy() as deployment,
        visiting("flask --app flask_otp run", free_port(), deployment, tmp_path) as page,
    ):
        page.fill("[name=phone]", "12")
        page.click("[action='/begin'] button")
        assert "Write your phone as" in page.text

        page.fill("[name=phone]", PHONE)
        page.click("[action='/begin'] button")
        assert f"Code for {PHONE}" in page.text
        page.take_picture(tmp_path / "sent.png")
        code = find_code(deployment)
        page.fill("[name=code]", "no code")
        page.click("[action='/check'] button")
        assert "That is not the code" in page.text
        page.take_picture(tmp_path / "wrong.png")

        page.fill("[name=code]", code)
        page.click("[action='/check'] button")
        assert "You are logged in" in page.text
        page.take_picture(tmp_path / "end.png")


def test_a_visitor_of_the_flask_example_asks_for_another_code(
    deploy: Deploy, tmp_path: Path
) -> None:
    with (
        deploy() as deployment,
        visiting("flask --app flask_otp run", free_port(), deployment, tmp_path) as page,
    ):
        page.fill("[name=phone]", PHONE)
        page.click("[action='/begin'] button")
        first = find_code(deployment)

        def is_sent_again() -> bool:
            page.click("[action='/again'] button")
            return "We have sent a code" in page.text  # before: "The code is on its way"

        wait_until(is_sent_again, "the first was delivered, so that another one is sent")
        wait_until(lambda: len(deployment.gateway.accepted()) > 1, "the phone has another code")
        codes = {re.findall(r"\d{6}", text)[0] for _, text in deployment.gateway.accepted()}
        page.take_picture(tmp_path / "again.png")
        page.fill("[name=code]", *(codes - {first}))
        page.click("[action='/check'] button")
        assert "You are logged in" in page.text


def test_a_visitor_of_the_fastapi_example_sees_the_code_delivered(
    deploy: Deploy, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/sms-events"
    with (
        deploy(has_web=True, SMSQ_WEBHOOK_URL=url, SMSQ_WEBHOOK_SECRET=NEW) as deployment,
        visiting("uvicorn fastapi_otp:app", port, deployment, tmp_path) as page,
    ):
        page.fill("#begin [name=phone]", "12")
        page.run("document.querySelector('#begin button').click()")
        wait_until(lambda: "write your phone as" in page.text, "the page says what is wrong")

        page.fill("#begin [name=phone]", PHONE)
        page.run("document.querySelector('#begin button').click()")
        wait_until(lambda: "The code is" in page.text, "the page asks for the code")
        page.take_picture(tmp_path / "sent.png")
        page.run("document.querySelector('#again').click()")
        wait_until(lambda: "The code is delivered" in page.text, "the webhook tells of it")
        page.take_picture(tmp_path / "delivered.png")

        page.fill("#check [name=code]", find_code(deployment))
        page.run("document.querySelector('#check button').click()")
        wait_until(lambda: "You are logged in" in page.text, "the code is right")
        page.take_picture(tmp_path / "end.png")
