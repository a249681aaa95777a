"""The pages in a headless Chromium: light, dark, a phone's width; by keyboard alone; with axe-core.

`AXE_CORE` names axe.min.js, as `npm pack axe-core` brings it (.ci/run does that); without it that
test is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smsq.models import BulkMessage
from smsq.queue import SmsQueue
from tests.browser import Browser, open_browser
from tests.support import wait_until
from tests.worker.page.browsing import OPERATOR
from worker.page.pages import PAGES

pytestmark = pytest.mark.slow

AXE = Path(os.environ.get("AXE_CORE", "") or ".axe/package/axe.min.js")

#: Colour scheme, width.
SCREENS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]


@pytest.fixture
def paths(queue: SmsQueue) -> list[str]:
    """Every page of the menu, a job and a campaign, which somebody has paused."""
    job = queue.send_quick("375291234567", "code", reference="order-77", tags=["otp"])
    phones = [f"37529{1_000_000 + n}" for n in range(150)]
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=phones)])
    queue.pause(campaign, by="boris of the shop")
    return [*(page.path for page in PAGES), f"/find/{job}", f"/find/{campaign}"]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with open_browser(tmp_path) as opened:
        yield opened


def log_in(browser: Browser, url: str) -> None:
    name, password = OPERATOR
    browser.open(f"{url}/login")
    browser.fill("[name=name]", name)
    browser.fill("[name=password]", password)
    browser.click("form button")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_page_fits_its_screen_and_loads_all_that_it_names(
    admin_url: str, browser: Browser, paths: list[str], language: str
) -> None:
    log_in(browser, admin_url)
    browser.open(f"{admin_url}/language/{language}")
    for path in paths:
        for scheme, width in SCREENS:
            browser.look_like(scheme, width)
            browser.open(admin_url + path)
            assert browser.run("document.documentElement.lang") == language
            wide = browser.run("document.documentElement.scrollWidth")
            assert wide <= width, (path, scheme, width, wide)
            # The style is there: the policy let it in.
            ground = browser.run("getComputedStyle(document.body).backgroundColor")
            assert ground not in {"rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"}
            is_dark = int(ground.removeprefix("rgb(").split(",")[0]) < 64
            assert is_dark is (scheme == "dark")


def test_the_page_asks_again_and_shows_what_is_new(
    admin_url: str, browser: Browser, queue: SmsQueue
) -> None:
    log_in(browser, admin_url)
    assert "normal\tnothing" in browser.text
    browser.run("window.isStillHere = true")
    queue.send_quick("375291234567", "code")

    wait_until(lambda: "normal\t1" in browser.text, "the page shows the new job", deadline_s=30)
    assert browser.run("window.isStillHere") is True


def test_the_keyboard_alone_is_enough(admin_url: str, browser: Browser, queue: SmsQueue) -> None:
    job = str(queue.send_quick("375291234567", "code", reference="order-77"))
    browser.open(f"{admin_url}/login")
    browser.type_keys(OPERATOR[0])
    browser.press("Tab")
    browser.type_keys(OPERATOR[1])
    browser.press_to_leave("Enter")
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("document.activeElement.getBoundingClientRect().left") > 0
    assert "3px" in browser.run("getComputedStyle(document.activeElement).outlineWidth")
    press_until(browser, "document.activeElement.getAttribute('href') === '/find'")
    browser.press_to_leave("Enter")
    press_until(browser, "document.activeElement.name === 'what'")
    browser.type_keys("order-77")
    browser.press_to_leave("Enter")
    press_until(browser, f"document.activeElement.getAttribute('href') === '/find/{job}'")
    browser.press_to_leave("Enter")
    assert browser.run("location.pathname") == f"/find/{job}"
    press_until(browser, "document.activeElement.textContent === 'Show phones in full'")
    browser.press_to_leave("Enter")
    assert "375291234567" in browser.text


def press_until(browser: Browser, holds: str, most: int = 60) -> None:
    for _ in range(most):
        browser.press("Tab")
        if browser.run(holds):
            return
    raise AssertionError(f"{most} tabs led nowhere: {holds}")


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: see the top of this file")
@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_axe_finds_nothing(
    admin_url: str, browser: Browser, paths: list[str], scheme: str, width: int
) -> None:
    axe = AXE.read_text(encoding="utf-8")
    browser.look_like(scheme, width)
    browser.open(f"{admin_url}/login")
    assert examine(browser, axe) == []
    log_in(browser, admin_url)
    for path in [*paths, "/nowhere"]:
        browser.open(admin_url + path)
        assert examine(browser, axe) == [], path


def examine(browser: Browser, axe: str) -> list[Any]:
    """Name what axe-core finds wrong, with the places."""
    browser.run(axe + "; null")
    browser.run("window.found = null; axe.run().then(r => window.found = r.violations); null")
    wait_until(lambda: browser.run("window.found !== null"), "axe has looked", deadline_s=60)
    tell = "n => n.target.join(' ') + ': ' + n.failureSummary"
    found: list[Any] = browser.run(f"window.found.map(v => [v.id, v.nodes.map({tell})])")
    return found
