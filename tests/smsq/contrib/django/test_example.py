"""examples/django_shop.py, used as its visitors and its office use it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.browser import open_browser
from tests.e2e.conftest import Deploy, deploy
from tests.support import free_port, wait_until

__all__ = ["deploy"]

SHOP = Path(__file__).parents[4] / "examples/django_shop.py"
PHONE = "+375 29 123-45-67"
OFFICE = {"DJANGO_SUPERUSER_USERNAME": "office", "DJANGO_SUPERUSER_PASSWORD": "secret"}


class Shop:
    """The example, in a folder and at a port of its own."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._folder, self._port = folder, free_port()
        self._environ = {**os.environ, **environ, **OFFICE, "PYTHONWARNINGS": "error"}
        self.url = f"http://127.0.0.1:{self._port}/"
        self._run("migrate", "--run-syncdb")
        self._run("createsuperuser", "--no-input", "--email", "office@shop.example")

    def _run(self, *arguments: str) -> None:
        command = [sys.executable, str(SHOP), *arguments]
        subprocess.run(
            command, cwd=self._folder, env=self._environ, check=True, capture_output=True
        )

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command that goes on until it is stopped."""
        command = [sys.executable, str(SHOP), *arguments]
        with (
            (self._folder / f"{arguments[0]}.log").open("wb") as written,
            subprocess.Popen(
                command, cwd=self._folder, env=self._environ, stdout=written, stderr=written
            ) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The web server."""
        with self.started("runserver", "--noreload", str(self._port)):
            wait_until(lambda: urlopen(self.url).status == 200, "the shop answers")
            yield


def test_it_is_short() -> None:
    assert len(SHOP.read_text(encoding="utf-8").splitlines()) < 100


@pytest.mark.long
def test_an_order_is_saved_with_its_message_and_a_wrong_phone_is_not(
    environ: dict[str, str], tmp_path: Path
) -> None:
    shop = Shop(tmp_path, {name: environ[name] for name in environ if "GATEWAY" not in name})
    opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def order(phone: str) -> Any:
        page = opener.open(shop.url).read().decode()
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        form = urlencode({"phone": phone, "csrfmiddlewaretoken": token}).encode()
        return opener.open(Request(shop.url, form)).read().decode()

    with shop.serving():
        assert "is not valid" in order("12")
        assert "Order 1" not in order("12")
        assert "Order 1: new" in order(PHONE)

    queue = SmsQueue(settings=Settings.from_env(environ))
    [found] = queue.find(reference="order-1")
    assert found.state == "queued"
    queue.close()


@pytest.mark.slow
def test_a_visitor_sees_what_became_of_an_order_and_the_office_sends_to_all(
    deploy: Deploy, tmp_path: Path
) -> None:
    with deploy() as deployment:
        names = ("SMSQ_REDIS_URL", "SMSQ_NAMESPACE", "SMSQ_ALPHANAME_ID")
        settings = {n: deployment.environ[n] for n in names if n in deployment.environ}
        shop = Shop(tmp_path, settings)
        with (
            shop.serving(),
            shop.started("smsq_events", "--start", "oldest") as events,
            open_browser(tmp_path / "browser") as page,
        ):
            page.open(shop.url)
            page.fill("[name=phone]", PHONE)
            page.click("button")
            assert "Order 1" in page.text
            wait_until(lambda: _reload(page, shop.url, "Order 1: delivered"), "it is delivered")
            page.take_picture(tmp_path / "order.png")

            page.open(f"{shop.url}admin/django_shop/order/")
            page.fill("[name=username]", "office")
            page.fill("[name=password]", "secret")
            page.click("[type=submit]")
            page.run("document.querySelector('[name=_selected_action]').checked = true")
            page.fill("[name=action]", "send_sms")
            page.click("[name=index]")
            page.fill("[name=text]", "Half price today")
            page.click("[name=preview]")
            assert "Recipients\t1" in page.text
            page.take_picture(tmp_path / "campaign.png")
            page.click("[name=send]")
            assert "a message to 1 recipient is queued" in page.text
            page.take_picture(tmp_path / "sent.png")
            events.terminate()
            assert events.wait(30) == 0


def _reload(page: Any, url: str, text: str) -> bool:
    page.open(url)
    return text in page.text
