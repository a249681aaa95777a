"""History: requests by outcome, 429s, the rate, latencies, deliveries by sender and country."""

from __future__ import annotations

import time

import pytest

from smsq.measures.keys import MeasureKeys
from smsq.measures.packing import pack
from smsq.measures.readings import Measures
from smsq.store.scripts import Scripts
from tests.worker.page.browsing import Visitor, text_of
from worker.page.views.history import Final, chart_requests, cut, list_finals, read_hours, wait_of

MINUTE = {
    "q|q|accepted|5": 90,
    "q|q|busy|3": 7,
    "r|q|busy|http_429": 7,
    "e|urgent|5": 90,
    "d|urgent|11": 80,
    "f|SHOP|d": 45,
    "f|SHOP|u": 5,
    "k|375|d": 45,
    "p|urgent": 91,
    "m|urgent": 3_150_000,
    "rate": 6500,
}


@pytest.fixture
def busy_hour(scripts: Scripts) -> None:
    """Two minutes of an hour ago."""
    keys, now = MeasureKeys(scripts.keys.namespace), int(time.time() // 60)
    for minute in (now - 30, now - 29):
        scripts.redis.set(keys.history(minute), pack(MINUTE))


@pytest.mark.usefixtures("busy_hour")
def test_the_last_hours_are_told_in_numbers(reader: Visitor) -> None:
    page = reader.get("/history?hours=1").text
    told = text_of(page)

    assert "SMS parts accepted 182 6.3" in told
    assert "SHOP 90 10 0 90 %" in told
    assert "+375 90 0 0 100 %" in told
    assert "busy (429)" in told
    assert "6.5/s" in told
    assert page.count('class="series accepted"') == 2 + 1  # and one in the legend
    assert "http" not in page.partition("<main")[2].partition("</main>")[0].replace("http_", "")


def test_an_empty_history_is_a_page(reader: Visitor) -> None:
    told = text_of(reader.get("/history").text)
    assert "No report came in this time." in told


@pytest.mark.parametrize("written", ["", "7", "-1", "six", "9" * 400, "1e2"])
def test_hours_that_cannot_be_chosen_are_the_usual_ones(written: str) -> None:
    assert read_hours(written) == 6


def test_minutes_are_put_together_without_losing_any() -> None:
    now_s = 1_700_000_000.0
    last = int(now_s // 60)
    minutes = {last - n: Measures({"p|urgent": 1, "rate": n}) for n in range(24 * 60 - 30)}
    slices = cut(minutes, 24, now_s)

    assert len(slices) == 72
    assert sum(one.measures.parts.get("urgent", 0) for one in slices) == len(minutes)
    assert slices[-1].rate_per_s == 0


@pytest.mark.parametrize("hours", [1, 6, 24, 72])
def test_minutes_that_are_kept_together_are_no_spike(hours: int) -> None:
    """A quarter of an hour under one key, among minutes of their own, all at the same pace."""
    last = 28_333_333 // 60 * 60 + 59
    row = {"q|q|accepted|5": 90, "e|urgent|5": 90}
    minutes = {last - n: Measures(row) for n in range(hours * 60 + 15)}
    for first in range(last - 51 - 15, last - hours * 60 - 15, -30):
        together = {name: 15 * n for name, n in row.items()} | {"minutes": 15}
        minutes |= {first: Measures(together)}
        for minute in range(first + 1, first + 15):
            minutes.pop(minute, None)
    slices = cut(minutes, hours, last * 60.0)

    [bars] = {bar.height for bar in chart_requests(slices).bars}
    assert bars == 160 * 90 / 100
    assert {wait_of(one, 95) for one in slices} == {wait_of(slices[0], 95)} != {None}
    # The table has each of them once, with the minutes that they are of.
    told = [(one.measures.outcomes["accepted"], one.minutes) for one in slices]
    assert told[0][0] <= told[0][1] * 90
    assert all(number == minutes * 90 for number, minutes in told[1:])
    assert hours * 60 - 15 < sum(minutes for _, minutes in told) <= hours * 60


def test_more_senders_than_fit_are_added_up() -> None:
    numbers = {(f"S{n}", "delivered"): 100 - n for n in range(30)}
    rows = list_finals(numbers)

    assert len(rows) == 13
    assert rows[0] == Final("S0", {"delivered": 100})
    assert sum(one.total for one in rows) == sum(numbers.values())
    assert rows[-1].name == ""
