"""In which order tests are handed to workers that run side by side.

In:  tests as they were collected. Out: the same ones; those that mostly wait come first for every
second worker. pytest-xdist cuts the list into one stretch for each worker; who is done first takes
from the end of another's. So waiting and computing overlap, and short tests are left for the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def arrange(tests: Sequence[T], waits: Callable[[T], bool], workers: int) -> list[T]:
    """Arrange tests for so many workers; each stretch keeps the order in which they came."""
    waiting = [test for test in tests if waits(test)]
    others = iter([test for test in tests if not waits(test)])
    starters = (workers + 1) // 2
    arranged: list[T] = []
    for worker in range(workers):
        is_starter, nth = worker % 2 == 0, worker // 2
        mine = waiting[nth * len(waiting) // starters : (nth + 1) * len(waiting) // starters]
        arranged += mine if is_starter else []
        end = (worker + 1) * len(tests) // workers
        arranged += islice(others, max(0, end - len(arranged)))
    return [*arranged, *others]
