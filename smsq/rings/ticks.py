"""Beat's ticks: one at a time is worked off, and none is sent that nobody would take.

In:  what beat is about to send, what a worker has in hand. Out: yes or no, by the ledger's clock.

A tick carries no time: the clocks of two machines would disagree about its age. One that comes too
soon after another costs one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from redis import Redis

from smsq.names import Task
from smsq.store.clock import ledger_time
from smsq.store.keys import Keys

if TYPE_CHECKING:  # a health check only reads
    from smsq.store.scripts import Scripts

#: Beat's interval.
EVERY_S = 1.0

#: A tick so soon after another is superseded: they waited in the broker, or two beats run.
APART_S = 0.5

#: So many ticks that nobody took are sent at beat's interval; then the pauses double, up to the
#: longest. A day without workers leaves some 160 of each in the broker.
MANY, MOST_S = 5, 600.0

#: A tick that is later than this is missing: beat, the broker or the workers are in trouble.
LATE_BEAT_S = 30.0


#: `doctor` takes beat for dead when this long has passed since the last tick was worked off.
HEARTBEAT_TTL_S = 3600

#: For work that is for no tick.
NO_TICK = ("", 0)


@dataclass(frozen=True, slots=True)
class Tick:
    """One of beat's ticks, in the hands of a worker.

    Attributes:
        task: Whose tick it is.
        apart_s: So soon after another it is superseded.
    """

    task: str
    apart_s: float = APART_S

    @property
    def args(self) -> tuple[str, int]:
        """What a script takes that takes the tick (take_tick.lua)."""
        return self.task, _ms(self.apart_s)


class Ticks:
    """What beat asks about its ticks. A failing Redis raises `redis.RedisError`."""

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run

    def may_send(self, *tasks: str) -> list[str]:
        """Say which tasks another tick is of any use to; those ticks are counted as sent."""
        return list(self._run("tick", "may", _ms(EVERY_S), MANY, _ms(MOST_S), *tasks))

    def note_unsent(self, task: str) -> None:
        """Note that a tick could not be sent: workers are not to blame that nobody takes it."""
        self._run("tick", "unsent", 0, 0, 0, task)

    def age_s(self, task: str) -> float | None:
        """Seconds since a tick was last taken, by whichever worker; None when nobody remembers."""
        age_ms = int(self._run("tick", "age", 0, 0, 0, task))
        return None if age_ms < 0 else age_ms / 1000


@dataclass(frozen=True, slots=True)
class LastTick:
    """The last tick that beat sent.

    Attributes:
        age_s: How long ago, by the ledger's clock.
        untaken: So many that were sent have not been taken by a worker.
    """

    age_s: float
    untaken: int = 0

    @property
    def is_late(self) -> bool:
        """Whether beat should have sent another; the pauses grow while nobody takes any."""
        doublings = min(self.untaken - MANY, 40)
        pause_s = EVERY_S if doublings < 0 else min(EVERY_S * 2.0**doublings, MOST_S)
        return self.age_s > pause_s + LATE_BEAT_S


def read_last_tick(redis: Redis, keys: Keys) -> LastTick | None:
    """Read when beat sent its last tick; None when nobody knows of any.

    A beat of an older version does not say so; a worker does, when it has worked one off.
    """
    task = Task.RECOVER
    asked = redis.hmget(keys.ticks, f"{task}:sent", f"{task}:untaken")
    sent_ms, untaken = cast("list[str | None]", asked)
    taken_s = cast("str | None", redis.get(keys.heartbeat)) if sent_ms is None else None
    at_s = float(taken_s) if taken_s else float(sent_ms) / 1000 if sent_ms else None
    if at_s is None:
        return None
    age_s = max(0.0, ledger_time(redis, keys).now_s - at_s)
    return LastTick(age_s, int(untaken or 0))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
