"""How often somebody may try to log in, counted exactly over all processes.

In:  a name, an address, perhaps a browser that logged in before. Out: how long to wait.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from smsq.store.scripts import Scripts


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast attempts may follow each other.

    Attributes:
        burst: So many at once.
        every_s: And then one in so many seconds.
    """

    burst: int
    every_s: float


#: For one name, whoever tries. A browser that logged in under it before has a pace of its own, so
#: that guesses of others do not keep its user out.
NAME = Pace(10, 10.0)
BROWSER = Pace(10, 10.0)

#: For one address: an office may share one.
ADDRESS = Pace(30, 2.0)


class Attempts:
    """Slows guesses down. A failing Redis raises `redis.RedisError`."""

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run

    def wait_s(self, *, name: str, address: str, browser: str | None = None) -> float:
        """Count an attempt, or say for how long it has to wait; then it is not counted.

        Args:
            name: As it was typed, be there such a user or not.
            address: Where it comes from.
            browser: Of one that logged in under this name before.
        """
        who = ("browser", browser, BROWSER) if browser else ("name", name.lower(), NAME)
        lines = (("address", address, ADDRESS), who)
        args = [
            word
            for kind, value, pace in lines
            for word in (_digest(kind, value), pace.burst, round(pace.every_s * 1000))
        ]
        return int(self._run("attempt", *args)) / 1000


def _digest(kind: str, value: str) -> str:
    """Name a line: of one length, and without what may be a password typed as a name."""
    return hashlib.sha256(f"{kind}\0{value}".encode("utf-8", "replace")).hexdigest()[:32]
