"""The limiter's nouns: the pace, a slot, a closed gate. Pure.

In:  settings, and what the limiter's scripts answer. Out: frozen dataclasses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

#: As in lua/limit.lua: the least rate that is learnt, and the end of time.
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
    """

    wait_s: float
    epoch: str
    why: str


@dataclass(frozen=True, slots=True)
class Closing:
    """What a 429 led to.

    Attributes:
        pause_s: The gate is closed for so long.
        rate_per_s: The rate in force afterwards.
    """

    pause_s: float
    rate_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Permission to make one gateway request, from `wait_s` after it was reserved on.

    Attributes:
        epoch: Void when the limiter's epoch is another one.
        is_probe: The one request that finds out whether the gate can open.
    """

    wait_s: float
    epoch: str
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Early:
    """The request before it started late: this one has to wait a little more."""

    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RateView:
    """The limiter, for operators.

    Attributes:
        ceiling_per_s: Never more than this.
        ceiling_by: Who set it with `smsq rate`, as user@host; "" when it is the setting.
        current_per_s: In force now: the ceiling, or less where the gateway takes less.
        closed_for_s: The gate is closed for so long yet; 0 when it is open, infinite for a pause.
        closed_why: Why, or why one probe goes first; "" when it is open.
    """

    ceiling_per_s: float
    ceiling_by: str
    current_per_s: float
    closed_for_s: float
    closed_why: str


def read_rate(limiter: Mapping[str, str], setting_per_s: float, now_s: float) -> RateView:
    """Read the limiter's hash; the rate is computed as in lua/limit.lua."""
    ceiling_per_s = float(limiter.get("ceiling_per_s", setting_per_s))
    current_per_s = ceiling_per_s
    if "plateau_per_s" in limiter:
        grown, dip, span = (float(limiter[k]) for k in ("grown_us", "dip_us", "span_us"))
        learnt_per_s = float(limiter["plateau_per_s"]) * (1 + ((grown - dip) / span) ** 3)
        current_per_s = min(ceiling_per_s, max(LEAST_PER_S, learnt_per_s))
    closed_for_s = max(0.0, float(limiter.get("closed_until_us", 0)) / 1e6 - now_s)
    why = limiter.get("why", "") if closed_for_s or "is_probing" in limiter else ""
    return RateView(
        ceiling_per_s=ceiling_per_s,
        ceiling_by=limiter.get("ceiling_by", ""),
        current_per_s=current_per_s,
        closed_for_s=math.inf if closed_for_s > PAUSED_S else closed_for_s,
        closed_why=why,
    )
