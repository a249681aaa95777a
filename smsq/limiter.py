"""One limiter for the whole cluster: slots of one rate, and one gate that closes for everybody.

In:  the rate, and what the gateway answered. Out: when the next request may start.

The clock is Redis' own, so any number of workers with any clocks share one truth.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum

from smsq.backoff import roll
from smsq.scripts import Clock, Scripts, redis_clock

#: A slot further away than this is not reserved: a reservation cannot be given back.
MAX_RESERVE_S = 1.0

#: Longest time between two looks at the limiter while waiting.
MAX_NAP_S = 1.0

#: How long a wrong token or address closes the gate before one more try.
MISCONFIGURED_CLOSE_S = 60.0

#: First and longest pause after a 429 that does not say how long to wait.
BUSY_FIRST_S, BUSY_MAX_S = 1.0, 60.0


class Answer(StrEnum):
    """What the limiter said."""

    RESERVED = "reserved"  #: a slot is ours, after `wait_s`
    FULL = "full"  #: nothing reserved; ask again after `wait_s`
    CLOSED = "closed"  #: the gate is closed; ask again after `wait_s`
    NEEDLESS = "needless"  #: the job is not ready (any more): no slot was used up


@dataclass(frozen=True, slots=True)
class Slot:
    """Permission to make one gateway request, or how long to wait for it.

    Attributes:
        why: Why the gate is closed, "" when it is open.
        closings: Closings of the gate in a row before this slot.
    """

    answer: Answer
    wait_s: float
    why: str = ""
    closings: int = 0


class Limiter:
    """Slots for gateway requests, shared by every process on the same Redis.

    Args:
        scripts: Runs the limiter's scripts.
        rate_per_s: Requests per second, above 0; below 1 is fine.
        burst: Requests that may start at once after a quiet time, 1 or more.
        clock_us: Microseconds since 1970 for tests; else Redis' clock.
    """

    def __init__(
        self, scripts: Scripts, *, rate_per_s: float, burst: int, clock_us: Clock = redis_clock
    ) -> None:
        self._run = scripts.run
        self.rate_per_s = rate_per_s
        self.burst = burst
        self._clock_us = clock_us

    def reserve(self, job_id: str = "") -> Slot:
        """Ask for the next slot once.

        Args:
            job_id: The job it is for; "" for a poll.
        """
        max_wait_us = round(MAX_RESERVE_S * 1e6)
        answer, wait_us, *rest = self._run(
            "slot", self.rate_per_s, self.burst, max_wait_us, job_id, self._now_us()
        )
        return Slot(Answer(answer), wait_us / 1e6, *rest)

    def wait_for_slot(self, stop: threading.Event, job_id: str = "") -> Slot | None:
        """Hold until a slot has come.

        Args:
            stop: Set when the process shuts down.
            job_id: The job it is for; "" for a poll.

        Returns:
            The slot, its time come; None when there is nothing to send (any more), or when `stop`
            was set first: no request may be made then.
        """
        while not stop.is_set():
            slot = self.reserve(job_id)
            if slot.answer is Answer.NEEDLESS:
                return None
            if slot.answer is Answer.RESERVED:
                return None if stop.wait(slot.wait_s) else slot
            # Close to the slot we ask at its time; far away we look once per nap, so that an
            # opened gate is noticed.
            stop.wait(min(slot.wait_s, MAX_NAP_S))
        return None

    def close(self, seconds: float | None, why: str) -> None:
        """Close the gate for every worker; a closing never shortens an earlier one.

        Args:
            seconds: From now; None for a pause that doubles with each closing in a row.
            why: Shown to operators.
        """
        self._gate("close", "" if seconds is None else max(1, round(seconds * 1e6)), why)

    def open(self) -> None:
        """Open the gate at once and forget earlier closings."""
        self._gate("open")

    def forgive(self) -> None:
        """Forget earlier closings after a success; a closed gate stays closed."""
        self._gate("forgive")

    def _gate(self, what: str, close_us: str | int = "", why: str = "") -> None:
        pause = (round(BUSY_FIRST_S * 1e6), round(BUSY_MAX_S * 1e6), roll())
        self._run("gate", what, close_us, why, *pause, self._now_us())

    def _now_us(self) -> int | str:
        now_us = self._clock_us()
        return "" if now_us is None else now_us
