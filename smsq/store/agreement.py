"""Settings that must be alike in all processes of an installation: said and compared through Redis.

In:  the settings of one process. Out: a line in its log for each value that others have otherwise.

A value that no process has said for `FORGET_S` is forgotten. So a setting is changed by restarting
processes one after the other: both sides say so once, and then there is one value again.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis import Redis

from smsq.settings import Settings
from smsq.store import detour
from smsq.store.clock import ledger_time
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts

log = logging.getLogger(__name__)

#: What whoever enqueues goes by, and what workers alone go by.
EVERYWHERE = (
    *("retention_s", "events_keep_s", "bulk_max_recipients", "gather_s"),
    *("timezone", "default_region", "accept_unknown_ranges"),
)
WORKERS = (
    *("rate_per_s", "burst", "poll_share", "page_rows", "poll_horizon_s", "max_attempts"),
    *("quiet_hours", "cap_per_day", "keep_texts", "sandbox"),
)

#: Processes say so often which values they have; one that was not said for so long is forgotten.
TELL_EVERY_S, FORGET_S = 300.0, 900.0

#: Kinds of processes.
Role = Literal["app", "web", "worker"]

#: After a failure.
_TRY_AGAIN_S = 10.0

#: A call of Redis' takes no longer, and so does the end of a process.
_END_S = 2.0


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not alike everywhere.

    Attributes:
        setting: Its variable, as `SMSQ_RETENTION_S`.
        mine: The value here, as it is written in the environment.
        theirs: Another one in use.
        who: Which process said so last.
    """

    setting: str
    mine: str
    theirs: str
    who: str

    def __str__(self) -> str:
        """Say it to an operator."""
        mine, theirs = (value or "empty" for value in (self.mine, self.theirs))
        return f"{self.setting} is {mine} here, and {theirs} for the {self.who}"


def write_values(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """Write settings as their variables have them, by the names of these."""
    return {f"SMSQ_{name.upper()}": _write(getattr(settings, name)) for name in names}


def _write(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def find_differences(redis: Redis, settings: Settings) -> Iterator[Difference]:
    """Read which values in use differ from these settings'; nothing is said of these."""
    keys = Keys(settings.namespace)
    now_ms = ledger_time(redis, keys).now_ms
    mine = write_values(settings, EVERYWHERE)
    told = cast("Mapping[str, str]", redis.hgetall(keys.settings))
    for field, value in sorted(told.items()):
        name, _, theirs = field.partition("=")
        at_ms, _, who = value.partition(" ")
        if float(at_ms) + FORGET_S * 1000 >= now_ms and mine.get(name, theirs) != theirs:
            yield Difference(name, mine[name], theirs, who)


class Agreement:
    """What one process says of its settings, and what it was told of others'. Thread-safe enough.

    Args:
        scripts: Of the ledger.
        settings: Of this process.
        role: What kind of process it is. A worker goes by what workers alone go by, too, and says
            how long events are kept.
        clock: Seconds that only go forward; tests pass one of their own.
    """

    def __init__(
        self,
        scripts: Scripts,
        settings: Settings,
        *,
        role: Role = "app",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run, self._clock = scripts.run, clock
        is_worker = role == "worker"
        names = (*EVERYWHERE, *WORKERS) if is_worker else EVERYWHERE
        self._mine = write_values(settings, names)
        self._who = f"{role} on {socket.gethostname()}"
        self._decides = is_worker
        self._due_s = float("-inf")
        self._told: set[tuple[str, str]] = set()
        self._thread: threading.Thread | None = None

    def look(self) -> Sequence[Difference]:
        """Say the values and compare them; each difference is logged once.

        Returns:
            All differences, the logged ones too.

        Raises:
            redis.RedisError: Redis refused, or is away.
        """
        pairs = [word for pair in self._mine.items() for word in pair]
        forget_ms = round(FORGET_S * 1000)
        answer = self._run("agree", self._who, forget_ms, int(self._decides), *pairs)
        # The one that started last decides, not the one that spoke last.
        self._decides = False
        found = [
            Difference(name, self._mine[name], theirs, who)
            for name, theirs, who in zip(*[iter(answer)] * 3, strict=True)
        ]
        for one in found:
            if (one.setting, one.theirs) not in self._told:
                self._told.add((one.setting, one.theirs))
                log.error("%s: give all processes of an installation the same value", one)
        return found

    def look_soon(self) -> None:
        """Look in a thread of its own, where that is due; the caller waits for nothing."""
        now_s = self._clock()
        # A test's outbox may be gone before a thread has connected to it.
        if now_s < self._due_s or detour.current is not None:
            return
        self._due_s = now_s + TELL_EVERY_S
        self._thread = threading.Thread(target=self._try, name="agreement", daemon=True)
        with suppress(RuntimeError):  # the interpreter ends, or may have no more threads
            self._thread.start()

    def keep_looking(self, stop: threading.Event) -> None:
        """Look now and every so often, in a thread that ends with the process."""

        def work() -> None:
            while not stop.is_set():
                self._due_s = self._clock() + TELL_EVERY_S
                self._try()
                stop.wait(max(0.0, self._due_s - self._clock()))

        threading.Thread(target=work, name="agreement", daemon=True).start()

    def _try(self) -> None:
        try:
            self.look()
        except Exception:  # noqa: BLE001 - calls say for themselves what is wrong with Redis
            self._due_s = self._clock() + _TRY_AGAIN_S

    def close(self) -> None:
        """Wait for a look that is under way: it would open a connection that was just closed."""
        self._due_s = float("inf")
        if self._thread and self._thread.is_alive():
            self._thread.join(_END_S)
