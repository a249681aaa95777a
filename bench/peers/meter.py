"""Reads how fast a run goes and what it costs, while it goes on.

In:  a gateway that counts, processes. Out: samples; and of them the figures of the steady part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

#: Between two samples, and between two looks for new child processes.
EVERY_S, LOOK_EVERY_S = 0.05, 0.5

#: The last messages of a run are those of whichever process is late: they do not count.
LAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment: the gateway's requests so far, CPU seconds so far."""

    at_s: float
    requests: int
    workers_cpu_s: float
    redis_cpu_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run did in its steady part: messages a second, CPU seconds for each 1,000 messages."""

    per_s: float
    workers_cpu_s: float
    redis_cpu_s: float


class TooShortError(ValueError):
    """A run has no steady part."""


def read_figures(samples: Sequence[Sample], *, messages: int, warm_s: float) -> Figures:
    """Compare the ends of the steady part. Pure.

    It begins so long after the first request, for workers come up one after the other; it ends
    before the last messages.

    Raises:
        TooShortError: There is none.
    """
    first = next((one for one in samples if one.requests), None)
    most = messages * (1 - LAST_SHARE)
    steady = [
        one for one in samples if first and one.at_s >= first.at_s + warm_s and one.requests <= most
    ]
    if len(steady) < 2 or steady[0].requests == steady[-1].requests:
        raise TooShortError(f"{messages} messages are too few: all were sent in {warm_s:g} s")
    begin, end = steady[0], steady[-1]
    sent = end.requests - begin.requests
    return Figures(
        per_s=sent / (end.at_s - begin.at_s),
        workers_cpu_s=(end.workers_cpu_s - begin.workers_cpu_s) * 1000 / sent,
        redis_cpu_s=(end.redis_cpu_s - begin.redis_cpu_s) * 1000 / sent,
    )


class Tree:
    """Processes with all their children, to sum up what they use."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]
        self._known: dict[int, psutil.Process] = {one.pid: one for one in self._roots}
        self._look_at_s = 0.0

    def cpu_s(self) -> float:
        """User and system time of all that live."""
        if time.monotonic() >= self._look_at_s:
            self._look_at_s = time.monotonic() + LOOK_EVERY_S
            for root in self._roots:
                with suppress(psutil.NoSuchProcess):
                    self._known |= {
                        one.pid: one
                        for one in root.children(recursive=True)
                        if one.pid not in self._known
                    }
        used_s = 0.0
        for one in self._known.values():
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                used_s += times.user + times.system
        return used_s


def take_samples(
    count: Callable[[], int],
    *,
    workers: Tree,
    redis: Tree,
    messages: int,
    seconds: float,
    start_s: float,
) -> list[Sample]:
    """Sample a run until all is sent, or for so many seconds from its first request on.

    Raises:
        TimeoutError: No request came for `start_s`.
    """
    samples: list[Sample] = []
    until_s = time.monotonic() + start_s
    has_begun = False
    while (now_s := time.monotonic()) < until_s:
        requests = count()
        if requests and not has_begun:
            has_begun, until_s = True, now_s + seconds
        samples.append(Sample(now_s, requests, workers.cpu_s(), redis.cpu_s()))
        if requests >= messages:
            break
        time.sleep(EVERY_S)
    if not has_begun:
        raise TimeoutError(f"no request came in {start_s:g} s")
    return samples
