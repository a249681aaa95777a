"""The ledger's clock: Redis' time without what it stepped. Read it here, or watch it.

In:  Redis' time and the hash `limiter` (lib.lua). Out: seconds on a clock that goes on evenly.

Times in the ledger are compared with this clock alone: never with the clock of another machine, and
not with Redis' own either, which may be set, or be another's after a failover.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis import Redis

from smsq.store.keys import Keys

#: By so much the ledger's time may be ahead of what a process expects: answers take their time.
#: As in store/lib.lua.
SLACK_US = 1_000_000

#: The ledger's time is made sure again after so long; as in store/lib.lua within LATELY_US.
SURE_FOR_US = 1_500_000

#: Whoever does not look all the time looks again after so long: two clocks drift apart a little.
GLANCE_EVERY_S = 60.0


def steady_s() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class LedgerTime:
    """The ledger's time at one moment.

    Attributes:
        now_s: On the ledger's clock.
        stepped_s: Redis' clock went so much further than the ledger's: on top of a time in the
            ledger it makes the time that Redis calls it now.
    """

    now_s: float
    stepped_s: float = 0.0

    @property
    def now_ms(self) -> float:
        """Milliseconds, as most of the ledger counts."""
        return self.now_s * 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a ledger's clock says, read without a script. Times are microseconds.

    Attributes:
        ledger_us: The ledger's time.
        stepped_us: Redis' clock went so much further.
        sure_us: Until then the ledger's time is known to have made no step ahead.
        born_us: When the ledger began; 0 for before there was such a field.
        sent_us: When the newest job was claimed whose request went out.
    """

    ledger_us: int
    stepped_us: int
    sure_us: int
    born_us: int
    sent_us: int


def read_clock(redis: Redis, keys: Keys) -> Reading:
    """Read the ledger's clock; as `read_clock` in store/lib.lua."""
    pipeline = redis.pipeline(transaction=False)
    pipeline.time()
    pipeline.hmget(keys.limiter, "seen_us", "stepped_us", "sure_us", "born_us", "sent_us")
    (seconds, micros), kept = pipeline.execute()
    seen_us, stepped_us, sure_us, born_us, sent_us = (int(one or 0) for one in kept)
    redis_us = seconds * 1_000_000 + micros
    stepped_us += min(0, redis_us - seen_us)
    return Reading(redis_us - stepped_us, stepped_us, sure_us, born_us, sent_us)


def ledger_time(redis: Redis, keys: Keys) -> LedgerTime:
    """Ask for the ledger's time."""
    read = read_clock(redis, keys)
    return LedgerTime(read.ledger_us / 1e6, read.stepped_us / 1e6)


class Watch:
    """What one process expects the ledger's time to be, by its own steady clock.

    Redis' clock cannot tell an hour's silence from a step ahead of an hour; somebody who was there
    can. With each look the process learns how far the ledger is; when it is ahead of what can be,
    it says so, and the ledger takes the step off (store/clock.lua).

    It also knows when the newest job was claimed whose request went out, of this process or, from
    the last look, of any. A ledger that knows of no claim as late was restored from an older copy
    (pacing/limit.lua).

    Args:
        now_s: The process' steady clock.

    Attributes:
        sent_us: Ledger's time of that claim; 0 before the first.
        born_us: When the ledger began, at the last look; 0 for before there was such a field.
        others_look: At the last glance somebody else had made the ledger's time sure.
    """

    def __init__(self, now_s: Callable[[], float] = steady_s) -> None:
        self._now_s = now_s
        self._mark: tuple[int, float] | None = None
        self.sent_us = 0
        self.born_us = 0
        self.others_look = False
        self._looked_us = 0

    def note_request(self, claimed_at_s: float) -> None:
        """Note that the request of a job goes out that was claimed then, by the ledger's time."""
        self.sent_us = max(self.sent_us, round(claimed_at_s * 1e6))

    def at_most_us(self) -> int | None:
        """The ledger's time now, or a little more; None before the first look."""
        mark = self._mark
        return None if mark is None else self._expect_us(mark)

    @property
    def is_emptied(self) -> bool:
        """Whether the ledger began after a request was made: it has forgotten all."""
        return 0 < self.sent_us < self.born_us

    def is_due(self) -> bool:
        """Say whether the last look was long ago, or there was none."""
        return self._mark is None or self._now_s() - self._mark[1] > GLANCE_EVERY_S

    def glance(self, read: Callable[[], Reading]) -> bool:
        """Read the ledger's time; False when it takes a look: it may have stepped, or is not sure.

        Of all processes that watch, one has to look now and then; a reading costs a third.
        """
        asked_at_s = self._now_s()
        seen = read()
        if self._mark is None or seen.ledger_us - seen.sure_us > SURE_FOR_US:
            return False
        if seen.ledger_us - self._expect_us(self._mark) > SLACK_US:
            return False
        self._note((seen.ledger_us, asked_at_s), seen.born_us, seen.sent_us)
        self.others_look = seen.sure_us > self._looked_us
        return True

    def look(self, run: Callable[..., Any]) -> float:
        """Ask for the ledger's time, and tell when it went ahead of all that is possible.

        Args:
            run: `Scripts.run` of the ledger.

        Returns:
            Seconds that it was ahead, 0 when it was not.
        """
        asked_at_s = self._now_s()
        ledger_us, stepped_us, born_us, sent_us = map(int, run("clock", "", 0))
        ahead_us = ledger_us - self._expect_us(self._mark) if self._mark else 0
        is_ahead = ahead_us > SLACK_US
        if is_ahead:
            asked_at_s = self._now_s()
            ledger_us, *_ = map(int, run("clock", stepped_us, ahead_us))
        self._note((ledger_us, asked_at_s), born_us, sent_us)
        self._looked_us, self.others_look = ledger_us, False
        return ahead_us / 1e6 if is_ahead else 0.0

    def _note(self, mark: tuple[int, float], born_us: int, sent_us: int) -> None:
        self._mark, self.born_us = mark, born_us
        self.sent_us = max(self.sent_us, sent_us)

    def _expect_us(self, mark: tuple[int, float]) -> int:
        ledger_us, asked_at_s = mark
        return ledger_us + round((self._now_s() - asked_at_s) * 1e6)
