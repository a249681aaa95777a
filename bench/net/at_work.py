"""Whether every process does its work again after a link was healed, and how soon.

In:  a deployment, at the moment of healing. Out: seconds per process, and the longest pause.
"""

from __future__ import annotations

import itertools
import math
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from bench.faults import read_log
from bench.harness import Bed
from bench.producer import Producer
from smsq.errors import QueueUnavailableError

#: A tick of beat's is taken each second.
_TICKS_S = 2.0


@dataclass(slots=True)
class Comeback:
    """What happened after one heal.

    Attributes:
        back_s: Process → seconds until it was at work; those that were not yet are missing.
        pause_s: For how long the gateway was sent nothing, at most.
    """

    signs: Mapping[str, Callable[[], object]]
    back_s: dict[str, float] = field(default_factory=dict)
    pause_s: float = math.inf

    @property
    def took_s(self) -> float:
        """Until everything was at work."""
        return max(self.pause_s, *(self.back_s.get(name, math.inf) for name in self.signs))

    @property
    def slowest(self) -> str:
        """Which process was the last."""
        return max(self.signs, key=lambda name: self.back_s.get(name, math.inf))


def begin(bed: Bed, producer: Producer) -> Comeback:
    """Note what has been done until now, to tell what is done from now on."""
    stack, orders = bed.stack, len(producer.orders)
    signs: dict[str, Callable[[], object]] = {
        name: partial(_has_sent, bed, name, len(read_log(stack, name)))
        for name in stack.worker_names
    }
    signs["app"] = lambda: len(producer.orders) > orders
    signs["beat"] = partial(_ticks, bed)
    signs["web"] = partial(_is_well, stack.url("web") + "/healthz")
    return Comeback(signs)


def watch(comeback: Comeback, bed: Bed, *, for_s: float) -> None:
    """Look until so many seconds have passed since the heal, which is now."""
    healed_s, began_s = bed.now_s(), time.monotonic()
    while (passed_s := time.monotonic() - began_s) < for_s:
        for name, sign in comeback.signs.items():
            if name not in comeback.back_s and sign():
                comeback.back_s[name] = passed_s
        time.sleep(0.1)
    comeback.pause_s = find_pause_s(bed, healed_s, bed.now_s())


def find_pause_s(bed: Bed, since_s: float, until_s: float) -> float:
    """For how long the gateway was sent nothing, at most, between two moments on its clock."""
    sent_s = [at_s for at_s, _, _ in bed.requests(round(1000 * since_s)) if at_s < until_s]
    return max(later - one for one, later in itertools.pairwise([since_s, *sent_s, until_s]))


def _has_sent(bed: Bed, worker: str, after: int) -> bool:
    return any("-> send" in line for line in read_log(bed.stack, worker)[after:])


def _ticks(bed: Bed) -> bool:
    try:
        return (bed.queue.heartbeat_age_s() or math.inf) < _TICKS_S
    except QueueUnavailableError:  # a link to Redis was cut for the bench, too
        return False


def _is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
