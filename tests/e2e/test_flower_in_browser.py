"""Flower in a headless Chromium beside thousands of messages: list, a job, broker, workers.

`FLOWER_MESSAGES=10000` has it look at more. Pictures are kept with `FLOWER_PICTURES=<folder>`.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from smsq.models import JobState, QuickMessage
from tests.browser import Browser, open_browser
from tests.e2e.conftest import Deploy, Deployment
from tests.support import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PHONE = "37529739"  # and four digits that the simulator takes for nothing but a phone
TEXT = "canary-text-58213"
MESSAGES = int(os.environ.get("FLOWER_MESSAGES", "1500"))
SCREENS = [("light", 1280), ("dark", 390)]


@pytest.fixture(scope="module")
def busy(deploy: Deploy) -> Iterator[Deployment]:
    """So many messages have gone through two workers; every third is a code."""
    with deploy(workers=2, has_flower=True, SMSQ_IN_FLIGHT="50", SMSQ_PER_PHONE="0") as deployment:
        queue = deployment.queue
        for begin in range(0, MESSAGES, 500):
            queue.send_quick_many(
                [
                    QuickMessage(
                        phone=f"{PHONE}{4500 + n % 5000}",
                        text=f"{TEXT} {n}",
                        priority="urgent" if n % 3 == 0 else "normal",
                    )
                    for n in range(begin, min(begin + 500, MESSAGES))
                ]
            )
        rest = (JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING)
        wait_until(
            lambda: not any(queue.stats().jobs[state] for state in rest),
            "all are settled",
            deadline_s=200,
        )
        yield deployment


@pytest.fixture(scope="module")
def browser(busy: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        login = base64.b64encode(busy.environ["FLOWER_BASIC_AUTH"].encode()).decode()
        opened.send_headers(Authorization=f"Basic {login}")
        opened.note_violations()
        yield opened


def look(browser: Browser, deployment: Deployment, name: str) -> str:
    """Look at the page that is open: what it says, with nothing that is personal in it."""
    told = browser.text
    if folder := os.environ.get("FLOWER_PICTURES"):
        for scheme, width in SCREENS:
            browser.look_like(scheme, width)
            browser.take_picture(Path(folder) / f"flower-{name}-{scheme}-{width}.png")
    html = str(browser.run("document.documentElement.outerHTML"))
    for secret in (PHONE, TEXT, deployment.environ["SMSQ_GATEWAY_TOKEN"]):
        assert secret not in html
        assert secret not in told
    assert browser.violations == []
    return told


def rows(browser: Browser) -> list[str]:
    found: list[str] = browser.run(
        "[...document.querySelectorAll('#tasks-table tbody tr')].map(row => row.innerText)"
    )
    return found


def test_the_list_has_every_message_and_a_filter_finds_the_codes(
    busy: Deployment, browser: Browser
) -> None:
    browser.look_like("light", 1280)
    browser.open(busy.url("flower") + "/tasks")
    wait_until(lambda: f"of {MESSAGES:,} " in browser.text, "the list has all", deadline_s=60)
    assert "smsq.send_quick.normal" in browser.text
    assert "SUCCESS" in browser.text
    look(browser, busy, "list")

    browser.run("jQuery('#tasks-table').DataTable().search('send_quick.urgent').draw(); null")
    codes = -(-MESSAGES // 3)
    wait_until(lambda: f"of {codes:,} " in browser.text, "the filter has run", deadline_s=60)
    assert rows(browser)
    assert all("send_quick.urgent" in row for row in rows(browser))
    look(browser, busy, "codes")


def test_a_jobs_page_ends_as_its_request_did(busy: Deployment, browser: Browser) -> None:
    browser.open(busy.url("flower") + "/tasks")
    task = "document.querySelector('#tasks-table tbody a[href*=\"/task/\"]')"
    wait_until(lambda: browser.run(f"{task} !== null"), "the list is there", deadline_s=60)
    browser.open(str(browser.run(f"{task}.href")))
    told = look(browser, busy, "task")

    assert re.search(r"accepted parts=1 \d+ms", told)
    assert "SUCCESS" in told
    assert "Revoke" not in told


def test_broker_and_workers_are_there_and_nothing_waits(busy: Deployment, browser: Browser) -> None:
    browser.open(busy.url("flower") + "/broker")
    told = look(browser, busy, "broker")
    for queue in ("urgent", "normal", "bulk", "poll"):
        assert re.search(rf"{queue}\s", told), told

    browser.open(busy.url("flower") + "/workers")
    wait_until(lambda: browser.text.count("Online") >= 2, "both workers are there")
    told = look(browser, busy, "workers")
    assert "worker1@" in told


def test_no_page_may_be_framed_or_kept(busy: Deployment, browser: Browser) -> None:
    browser.open(busy.url("flower") + "/workers")
    told = browser.run(
        "fetch('/tasks').then(a => [...a.headers].map(h => h.join(': ')).join(' | '))"
        ".then(t => { window.told = t }); null"
    )
    wait_until(lambda: browser.run("window.told"), "headers are read")
    told = str(browser.run("window.told"))
    assert "x-frame-options: DENY" in told
    assert "frame-ancestors 'none'" in told
    assert "cache-control: no-store" in told
