"""Filters of logs: an outage is told in a line a minute, and not in pages.

In:  records of ours, of Celery, of uvicorn. Out: the same ones shortened, or none.
"""

from __future__ import annotations

import logging
import re
import time

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from smsq.store.refusals import is_of_data, say

_NUMBER = re.compile(r"\d+(?:\.\d+)?")

#: What kombu says of a ring whose connection is gone.
_NOT_ACKNOWLEDGED = ("Couldn't ack", "Couldn't reject")


class Terse(logging.Filter):
    """Cuts what Celery says of a broker that is away to one line, told once a minute.

    Measured: beat's two ticks a second wrote 700 kB of tracebacks in an outage of 40 s. Lines that
    differ in numbers alone, as in "try 7, again in 4.00 s", are one line.

    Args:
        least: Lines below this level are left alone.
    """

    EVERY_S = 60.0

    def __init__(self, name: str = "", *, least: int = logging.WARNING) -> None:
        super().__init__(name)
        self._least = least
        self._told_at_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop the traceback and what follows the first line; drop what was just told."""
        if record.levelno < self._least:
            return True
        line = record.getMessage().partition("\n")[0]
        reason = record.exc_info[1] if record.exc_info else None
        if reason is not None and str(reason) not in line:
            line = f"{line} ({type(reason).__name__})"
        record.msg, record.args, record.exc_info, record.exc_text = line, (), None, None
        now_s = time.monotonic()
        kind = _NUMBER.sub("n", line)
        if now_s - self._told_at_s.get(kind, -self.EVERY_S) < self.EVERY_S:
            return False
        # Only what may still be repeated is kept.
        self._told_at_s = {k: v for k, v in self._told_at_s.items() if now_s - v < self.EVERY_S}
        self._told_at_s[kind] = now_s
        return True


class Repeats(logging.Filter):
    """Tells once a minute what is logged with `extra={"repeats": kind}`: of each kind one line."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._told_at_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop what was told of its kind within a minute."""
        kind: str | None = getattr(record, "repeats", None)
        if kind is None:
            return True
        now_s = time.monotonic()
        if now_s - self._told_at_s.get(kind, -Terse.EVERY_S) < Terse.EVERY_S:
            return False
        self._told_at_s[kind] = now_s
        return True


class TerseOfRedis(Terse):
    """Is terse about what Redis ended or refused; a fault of another kind keeps its traceback.

    Args:
        waits: What is done again later, in words.
    """

    def __init__(self, name: str = "", *, waits: str = "a task waits for its next tick") -> None:
        super().__init__(name)
        self._waits = waits

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut what came of an outage or a refusal."""
        reason = record.exc_info[1] if record.exc_info else None
        if not isinstance(reason, RedisError) or is_of_data(reason):
            return True
        record.msg, record.args = f"{self._waits}: {say(reason)}", ()
        return super().filter(record)


class TerseOfBroker(Terse):
    """Is terse about what came of a lost connection; a fault keeps its traceback.

    What cannot be acknowledged any more is not told at all: each ring at hand brought a page, and
    the broker gives it again, which is harmless.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut what came of an outage."""
        reason = record.exc_info[1] if record.exc_info else None
        if not isinstance(reason, OSError | AMQPError | OperationalError):
            return True
        return not str(record.msg).startswith(_NOT_ACKNOWLEDGED) and super().filter(record)


class Plain(logging.Filter):
    """Gives what uvicorn says its plain name: its logger's is `uvicorn.error`, for all it says."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rename a record."""
        record.name = "uvicorn"
        return True
