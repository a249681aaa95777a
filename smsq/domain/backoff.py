"""Pauses: between attempts, between polls. Pure, but for the dice.

In:  how often, or how old. Out: seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

#: 2 to this power is past any pause; a larger exponent would overflow a float.
_MAX_DOUBLINGS = 64


def roll() -> float:
    """Throw the dice for a jitter: a number from 0 to 1."""
    return random.random()  # noqa: S311 - spreads retries, guards nothing


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential pauses with full jitter.

    Attributes:
        first_s: Longest first pause, above 0; it doubles each time.
        max_s: Longest pause of all.
        dice: Returns a number from 0 to 1; tests pass their own.
    """

    first_s: float
    max_s: float
    dice: Callable[[], float] = field(default=roll, repr=False)

    def pause_s(self, failures: int) -> float:
        """Choose the pause after so many failures in a row.

        Full jitter spreads a crowd that failed together; a tenth of the pause is kept as a least
        so that nobody comes back at once.
        """
        doublings = min(max(failures, 1) - 1, _MAX_DOUBLINGS)
        longest_s = min(self.first_s * 2.0**doublings, self.max_s)
        return longest_s * (0.1 + 0.9 * self.dice())


#: A pause between polls is longer than the message's age by a share between these. Messages that
#: were accepted together drift apart, and three days take 18 polls, where bare doubling takes 19.
_SPREAD_LEAST, _SPREAD_MOST = 0.02, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSchedule:
    """When to ask for reports: first soon, then whenever the message's age has doubled.

    Attributes:
        first_s: From acceptance to the first poll.
        max_s: Longest pause.
        horizon_s: From acceptance to giving up.
        dice: Returns a number from 0 to 1; tests pass their own.
    """

    first_s: float
    max_s: float
    horizon_s: float
    dice: Callable[[], float] = field(default=roll, repr=False)

    def pause_s(self, age_s: float) -> float:
        """Choose the pause after a poll of a message this old."""
        spread = _SPREAD_LEAST + (_SPREAD_MOST - _SPREAD_LEAST) * self.dice()
        return min(max(age_s, self.first_s) * (1 + spread), self.max_s)
