"""Workers against a gateway with a limit, on a clock that runs as fast as Redis can follow.

Each front is the first in line of one worker process: it reserves a slot, holds, claims, asks the
gateway, and a latency later hears the answer. Lua, Redis and the limiter are the real ones.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Closed, Early, Slot
from smsq.records.jobs import Claim, Leases, NoClaim, PollClaim, Question, Unprepared
from smsq.simulator.limit import Bucket
from tests.smsq.world import PLAN, World

NAP_S = 0.5
LEASES = Leases(send_ms=60_000, poll_ms=60_000)


@dataclass
class Gateway:
    """The limit of the other side, as the simulator counts it."""

    rate_per_s: float
    burst: int = 1
    retry_after_s: float | None = None
    latency_s: float = 0.02
    bucket: Bucket = field(default_factory=Bucket)

    def takes(self, now_s: float) -> bool:
        return self.bucket.take(now_s, rate_per_s=self.rate_per_s, burst=self.burst)


@dataclass
class Moody(Gateway):
    """A gateway that refuses a share of all requests, whatever their rate; None: as the others."""

    refused_share: float | None = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(0))

    def takes(self, now_s: float) -> bool:
        if self.refused_share is None:
            return super().takes(now_s)
        return self.dice.random() >= self.refused_share


@dataclass(frozen=True)
class Request:
    at_s: float
    front: int
    is_taken: bool
    claim: Claim | PollClaim


class Fronts:
    """So many worker processes, driven event by event.

    Attributes:
        requests: Every request in the order the gateway saw them.
        nap_s: At a closed gate, and where there is nothing to do, a front asks again after this.
    """

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        limiter: Limiter,
        *,
        fronts: int,
        nap_s: float = NAP_S,
    ) -> None:
        self.world = world
        self.gateway = gateway
        self.limiter = limiter
        self.nap_s = nap_s
        self.requests: list[Request] = []
        self.started_s = world.now_us / 1e6
        self._number = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        for front in range(fronts):
            self.at(0.0, partial(self._reserve, front))

    @property
    def now_s(self) -> float:
        return self.world.now_us / 1e6 - self.started_s

    def at(self, delay_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._number), what))

    def run(self, until_s: float) -> None:
        while self._events and self._events[0][0] <= until_s:
            at_s, _, what = heapq.heappop(self._events)
            self.world.now_us = round((self.started_s + at_s) * 1e6)
            what()
        self.world.now_us = round((self.started_s + until_s) * 1e6)

    def taken(self, since_s: float = 0.0, until_s: float = float("inf")) -> int:
        return sum(r.is_taken for r in self.requests if since_s <= r.at_s < until_s)

    def refused(self) -> int:
        return sum(not r.is_taken for r in self.requests)

    def _reserve(self, front: int) -> None:
        slot = self.limiter.reserve()
        if slot is None:
            self.at(self.nap_s, lambda: self._reserve(front))
        elif isinstance(slot, Closed):
            self.at(min(slot.wait_s, self.nap_s), lambda: self._reserve(front))
        else:
            self.at(slot.wait_s, lambda: self._claim(front, slot))

    def _claim(self, front: int, slot: Slot) -> None:
        claim = self.world.claims.claim(slot, self.limiter.pace, LEASES)
        if isinstance(claim, Early):
            self.at(claim.wait_s, lambda: self._claim(front, slot))
            return
        assert not isinstance(claim, Question | Unprepared)
        if not isinstance(claim, NoClaim):
            is_taken = self.gateway.takes(self.now_s)
            self.requests.append(Request(self.now_s, front, is_taken, claim))
            self.at(self.gateway.latency_s, lambda: self._hear(slot, claim, is_taken))
        # Other threads of the process go on while this one waits for its answer.
        self.at(0.0, lambda: self._reserve(front))

    def _hear(self, slot: Slot, claim: Claim | PollClaim, is_taken: bool) -> None:
        if isinstance(claim, PollClaim):
            self.world.polls.apply_page(claim, [], next_offset=0, next_in_s=3600)
        elif is_taken:
            self.world.claims.settle(claim, Verdict(state=JobState.REJECTED), PLAN)
        else:
            busy = Verdict(state=JobState.QUEUED, error="429", is_counted=False)
            self.world.claims.settle(claim, busy, PLAN)
        if not is_taken:
            self.limiter.close_busy(slot, self.gateway.retry_after_s)
        elif slot.is_probe:
            self.limiter.pass_probe(slot)
