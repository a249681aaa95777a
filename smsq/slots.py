"""The limiter's nouns: the pace, a slot, a closed gate. Pure.

In:  settings, and what the limiter's scripts answer. Out: frozen dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass


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
        why: For operators.
    """

    wait_s: float
    why: str


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
