"""10,000 guesses over HTTP: slowed, logged, and everybody else is served."""

from __future__ import annotations

import logging
import threading
from collections import Counter

import httpx
import pytest

from smsq.access.attempts import ADDRESS, NAME
from tests.worker.page.browsing import OPERATOR, READER, Visitor

GUESSES = 10_000


@pytest.mark.parametrize(
    "guesses", [100, pytest.param(GUESSES, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_guesses_are_slowed_and_logged_and_others_are_served(
    admin_url: str, reader: Visitor, guesses: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Behind a proxy each comes from an address of its own."""
    codes: Counter[int] = Counter()

    def guess(first: int) -> None:
        with httpx.Client(base_url=admin_url, timeout=60) as client:
            for n in range(first, guesses, 4):
                headers = {"X-Forwarded-For": f"10.{n % 7}.0.{n % 5}"}
                fields = {"name": OPERATOR[0], "password": f"guess number {n}"}
                codes[client.post("/login", data=fields, headers=headers).status_code] += 1

    with caplog.at_level(logging.INFO):
        threads = [threading.Thread(target=guess, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        served = 0
        while any(thread.is_alive() for thread in threads):
            assert reader.get("/").status_code == 200
            served += 1
        for thread in threads:
            thread.join()
        with httpx.Client(base_url=admin_url, timeout=60) as other:
            came = {"X-Forwarded-For": "192.0.2.7"}
            assert Visitor(other).try_to_log_in(*READER, **came).status_code == 303

    assert set(codes) == {403, 429}
    assert sum(codes.values()) == guesses
    # So many at once, and one for each pause that passed meanwhile.
    assert NAME.burst <= codes[403] <= max(NAME.burst, ADDRESS.burst) + 60
    assert served > 3
    assert "too many attempts" in caplog.text
    assert "guess number" not in caplog.text
