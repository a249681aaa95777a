"""Attempts to log in are slowed down exactly, whoever counts them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from smsq.access.attempts import ADDRESS, BROWSER, NAME, Attempts
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.scripts import Scripts


class Clock:
    """The ledger's clock, in the hands of a test."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> int:
        return round(self.now_s * 1_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(scripts: Scripts, settings: Settings, clock: Clock) -> Attempts:
    made = Scripts(
        scripts.redis, settings.namespace, retention_ms=1000, events_keep_ms=0, clock=clock
    )
    return Attempts(made)


def test_so_many_at_once_and_then_one_in_a_while(attempts: Attempts, clock: Clock) -> None:
    burst = [attempts.wait_s(name="anna", address=f"10.0.0.{n}") for n in range(NAME.burst)]
    assert burst == [0.0] * NAME.burst

    assert attempts.wait_s(name="Anna", address="10.0.1.1") == NAME.every_s
    clock.now_s += NAME.every_s / 2
    assert attempts.wait_s(name="anna", address="10.0.1.1") == NAME.every_s / 2
    clock.now_s += NAME.every_s / 2
    assert attempts.wait_s(name="anna", address="10.0.1.1") == 0
    assert attempts.wait_s(name="anna", address="10.0.1.1") == NAME.every_s


def test_one_address_is_slowed_whatever_names_it_tries_and_others_are_not(
    attempts: Attempts,
) -> None:
    waits = [attempts.wait_s(name=f"user{n}", address="10.0.0.1") for n in range(ADDRESS.burst + 1)]

    assert waits[:-1] == [0.0] * ADDRESS.burst
    assert waits[-1] == ADDRESS.every_s
    assert attempts.wait_s(name="user0", address="10.0.0.2") == 0


def test_a_known_browser_is_not_kept_out_by_guesses_of_others(attempts: Attempts) -> None:
    for n in range(50):
        attempts.wait_s(name="anna", address=f"10.0.{n}.1")
    assert attempts.wait_s(name="anna", address="10.9.9.9") > 0

    waits = [
        attempts.wait_s(name="anna", address="10.8.8.8", browser="b1")
        for _ in range(BROWSER.burst + 1)
    ]
    assert waits == [0.0] * BROWSER.burst + [BROWSER.every_s]


def test_what_is_refused_is_not_counted_and_nothing_is_kept_for_ever(
    attempts: Attempts, scripts: Scripts, clock: Clock
) -> None:
    for _ in range(200):
        attempts.wait_s(name="anna", address="10.0.0.1")
    clock.now_s += NAME.every_s
    assert attempts.wait_s(name="anna", address="10.0.0.1") == 0

    kept = list(scripts.redis.scan_iter(scripts.keys.page_tries("*"), count=1000))
    assert len(kept) == 2
    longest_s = max(pace.burst * pace.every_s for pace in (NAME, ADDRESS))
    assert all(0 < scripts.redis.ttl(key) <= longest_s for key in kept)
    assert not any("anna" in str(key) or "10.0" in str(key) for key in kept)


def test_a_clock_that_was_set_back_keeps_nobody_out_for_longer(
    attempts: Attempts, clock: Clock
) -> None:
    for _ in range(NAME.burst):
        attempts.wait_s(name="anna", address="10.0.0.1")
    clock.now_s -= 3600

    assert attempts.wait_s(name="anna", address="10.0.0.1") <= NAME.every_s


@pytest.mark.slow
def test_ten_thousand_guesses_of_many_processes_are_as_few_as_of_one(
    settings: Settings, scripts: Scripts
) -> None:
    """Each thread has a connection of its own, as processes have."""

    def guess(thread: int) -> int:
        redis = connect(settings.redis_url, timeout_s=60)
        attempts = Attempts(Scripts.of(redis, settings))
        passed = 0
        for n in range(1250):
            address = f"10.{thread}.{n // 250}.{n % 250}"
            passed += attempts.wait_s(name="anna", address=address) == 0
        redis.close()
        return passed

    began_ms = scripts.redis.time()
    with ThreadPoolExecutor(8) as threads:
        passed = sum(threads.map(guess, range(8)))
    ended_ms = scripts.redis.time()

    took_s = ended_ms[0] - began_ms[0] + 1
    assert NAME.burst <= passed <= NAME.burst + took_s / NAME.every_s + 1
