"""Findings renewed in the background: one look for all, the old ones until there are newer."""

from __future__ import annotations

import threading

from tests.support import wait_until
from worker.page.renewed import Renewed


def test_the_first_findings_are_waited_for_and_the_next_are_not() -> None:
    may_look, looks = threading.Event(), iter(range(10))

    def look() -> int:
        may_look.wait(10)
        return next(looks)

    renewed = Renewed("test", look, every_s=0.0)
    assert renewed.ask() is None
    may_look.set()
    first = renewed.ask(wait_s=10)
    assert first
    assert first.what == 0
    may_look.clear()
    assert renewed.ask(wait_s=10) == first
    may_look.set()
    wait_until(lambda: renewed.ask() != first, "newer ones are there")


def test_all_share_one_look_while_it_is_good() -> None:
    looks: list[int] = []
    renewed = Renewed("test", lambda: looks.append(1), every_s=60.0)
    found = [renewed.ask(wait_s=10) for _ in range(3)]

    assert looks == [1]
    assert found[0] == found[2] is not None


def test_a_look_that_fails_is_told_and_tried_again() -> None:
    tries = iter([OSError, None])

    def look() -> str:
        if error := next(tries, None):
            raise error
        return "well"

    renewed = Renewed("test", look, every_s=0.0)
    failed = renewed.ask(wait_s=10)
    assert failed
    assert failed.what is None
    wait_until(lambda: (found := renewed.ask()) and found.what == "well", "it is tried again")
