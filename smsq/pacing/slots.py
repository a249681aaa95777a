"""The limiter's nouns: the pace, a slot, a closed gate. Pure.

In:  settings, and what the limiter's scripts answer. Out: frozen dataclasses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from smsq.domain.account import Endpoint
from smsq.rings.presence import names_sandbox

#: As in pacing/limit.lua: the least rate that is learnt, and the end of time.
LEAST_PER_S = 0.05
PAUSED_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The rate as the settings have it; `smsq rate` may have set another for all.

    Attributes:
        rate_per_s: Ceiling of all requests of the cluster, above 0; below 1 is fine.
        burst: Requests that may start at once after a quiet time, 1 or more.
        poll_share: Share of the slots that polls keep while sends wait, 0 to 0.9.
        probe_s: Longest time that a request may take.
    """

    rate_per_s: float
    burst: int
    poll_share: float = 0.2
    probe_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Closed:
    """The gate is closed.

    Attributes:
        wait_s: Ask again after this long, or sooner.
        epoch: Ask again at once when the limiter's epoch is another one.
        why: For operators.
        is_partial: True where what comes next may go at once: for another endpoint, or because it
            never failed.
    """

    wait_s: float
    epoch: str
    why: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """What a failure led to.

    Attributes:
        pause_s: The gate is closed for so long.
        rate_per_s: The rate in force afterwards.
        why: For operators; names the endpoint where only that is closed.
    """

    pause_s: float
    rate_per_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Permission to make one gateway request, from `wait_s` after it was reserved on.

    Attributes:
        epoch: Void when the limiter's epoch is another one.
        is_probe: The one request that finds out whether the gate can open.
        waiting: Jobs and messages to poll that waited when it was reserved.
    """

    wait_s: float
    epoch: str
    is_probe: bool = False
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Early:
    """The request before it started late: this one has to wait a little more."""

    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """A closed gate, for operators.

    Attributes:
        endpoint: The gateway's name of what is closed: `sendBulkSms`; "" for everything.
        for_s: For so long yet; 0 when one probe goes next, infinite for a pause.
        why: What closed it; begins with the endpoint.
    """

    endpoint: str
    for_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateView:
    """The limiter, for operators.

    Attributes:
        ceiling_per_s: Never more than this.
        ceiling_by: Who set it with `smsq rate`, as user@host; "" when it is the setting.
        current_per_s: In force now: the ceiling, or less where the gateway takes less.
        closures: What is closed: everything, or some endpoints.
        is_sandbox: The workers send only to phones of a sandbox.
    """

    ceiling_per_s: float
    ceiling_by: str
    current_per_s: float
    closures: Sequence[Closure] = ()
    is_sandbox: bool = False

    @property
    def closed_for_s(self) -> float:
        """The longest of the closures, for so long yet; 0 for none, infinite for a pause."""
        return max((closure.for_s for closure in self.closures), default=0.0)

    @property
    def closed_why(self) -> str:
        """Why, or why one probe goes first; "" when nothing is closed."""
        return "; ".join(closure.why for closure in self.closures if closure.why)


def read_rate(limiter: Mapping[str, str], setting_per_s: float, now_s: float) -> RateView:
    """Read the limiter's hash; the rate is computed as in pacing/limit.lua."""
    ceiling_per_s = float(limiter.get("ceiling_per_s", setting_per_s))
    current_per_s = ceiling_per_s
    if "plateau_per_s" in limiter:
        grown, dip, span = (float(limiter[k]) for k in ("grown_us", "dip_us", "span_us"))
        learnt_per_s = float(limiter["plateau_per_s"]) * (1 + ((grown - dip) / span) ** 3)
        current_per_s = min(ceiling_per_s, max(LEAST_PER_S, learnt_per_s))
    return RateView(
        ceiling_per_s=ceiling_per_s,
        ceiling_by=limiter.get("ceiling_by", ""),
        current_per_s=current_per_s,
        closures=tuple(read_closures(limiter, now_s)),
        is_sandbox=names_sandbox(limiter.get("gateway", "")),
    )


def read_closures(limiter: Mapping[str, str], now_s: float) -> Iterator[Closure]:
    """Read what is closed: the gate of all first, then those of endpoints."""
    for_s = _left_s(limiter.get("closed_until_us", "0"), now_s)
    if for_s or "is_probing" in limiter:
        yield Closure(endpoint="", for_s=for_s, why=limiter.get("why", ""))
    for endpoint in Endpoint:
        until_us = limiter.get(f"closed_until_us_{endpoint}")
        if until_us is not None:
            why = limiter.get(f"why_{endpoint}", "")
            yield Closure(endpoint=endpoint.path, for_s=_left_s(until_us, now_s), why=why)


def _left_s(until_us: str, now_s: float) -> float:
    left_s = max(0.0, float(until_us) / 1e6 - now_s)
    return math.inf if left_s > PAUSED_S else left_s
