"""Logs as data: one JSON object a line. Pure, but for the records' own time.

In:  records of `logging`. Out: lines; each is valid JSON in ASCII, whatever a record holds.

A line of ours that has facts is logged with one mapping, `log.info("job=%(job)s", {"job": ...})`:
its words take what they want from it, and `FIELDS` of it become fields here. So words and fields
cannot differ, and nothing is read out of a finished line.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from config.scrub import scrub

#: What a line may say beside its words; docs/operations.md says what each means.
FIELDS = (
    *("job", "campaign", "message_ref", "delivery", "kind", "priority", "queue"),
    *("attempt", "outcome", "reason", "ms", "http_status"),
    *("jobs", "events", "rows", "pending", "message_ids", "pause_s", "rate_per_s"),
)

#: Longest message, field and traceback, in characters. Of a traceback the end says most.
MOST_MESSAGE, MOST_FIELD, MOST_TRACEBACK = 4000, 300, 8000

#: So much more is looked through for what must be hidden before the rest is cut off.
_LOOKED_THROUGH = 4

#: More digits after the point say nothing.
_DIGITS = 3

#: Readers of JSON know no larger ones.
_MOST_WHOLE = 2**63


class JsonFormatter(logging.Formatter):
    """Writes records as JSON.

    Args:
        constants: Fields of every line: the process, and a worker's name.
    """

    def __init__(self, **constants: str) -> None:
        super().__init__()
        self._constants = {name: clean(text, MOST_FIELD) for name, text in constants.items()}

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, without its end; never raises."""
        try:
            return self._write(record)
        except Exception as error:  # noqa: BLE001 - whoever logs must not pay for it
            words = f"a line that cannot be written ({type(error).__name__})"
            return json.dumps({"ts": stamp(0), "level": "ERROR", "logger": "log", "message": words})

    def _write(self, record: logging.LogRecord) -> str:
        name = clean(str(record.name), MOST_FIELD)
        line: dict[str, Any] = {
            "ts": stamp(record.created),
            "level": str(record.levelname),
            "logger": name,
            "message": shorten(read_message(record), MOST_MESSAGE, name),
            **self._constants,
            **read_fields(record),
        }
        if traceback := self._read_traceback(record):
            line["traceback"] = shorten_middle(traceback, MOST_TRACEBACK, name)
        return json.dumps(line)

    def _read_traceback(self, record: logging.LogRecord) -> str:
        try:
            told = record.exc_text or ""
            if record.exc_info and not told:
                told = self.formatException(record.exc_info)
            return "\n".join(filter(None, [told, record.stack_info]))
        except Exception as error:  # noqa: BLE001 - an exception may be unable to say what it is
            return f"(its traceback cannot be written: {type(error).__name__})"


def read_message(record: logging.LogRecord) -> str:
    """Read a record's words; where they do not fit its arguments, those that it has."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - one wrong line must not lose others
        return f"{record.msg!r} (its arguments do not fit)" if isinstance(record.msg, str) else ""


def read_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Read the facts that a record was logged with."""
    if not isinstance(record.args, Mapping):
        return {}
    facts = record.args
    return {
        name: read_value(facts[name])
        for name in FIELDS
        if name in facts and facts[name] not in (None, "")
    }


def read_value(value: object) -> str | int | float | bool:
    """Make a field of a value; a number that JSON cannot have becomes a word."""
    if isinstance(value, float) and math.isfinite(value):
        return round(value, _DIGITS)
    if isinstance(value, bool | int) and abs(value) < _MOST_WHOLE:
        return value
    return shorten(str(value), MOST_FIELD, "smsq")


def stamp(at_s: float) -> str:
    """Write a time as RFC 3339 has it, in UTC, with milliseconds."""
    try:
        moment = datetime.fromtimestamp(at_s, UTC)
    except (ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shorten(text: str, most: int, logger: str) -> str:
    """Bound a text, and take out of it what nobody may see."""
    shown = clean(scrub(text[: most * _LOOKED_THROUGH], logger))
    return shown if len(text) <= most and len(shown) <= most else _cut(shown, len(text), most)


def shorten_middle(text: str, most: int, logger: str) -> str:
    """Bound a traceback: its beginning says where, its end says what."""
    head, tail = most // 4, most - most // 4
    if len(text) <= most * _LOOKED_THROUGH:
        shown = clean(scrub(text, logger))
        if len(shown) <= most:
            return shown
        first, last = shown, shown
    else:
        first = clean(scrub(text[: head * _LOOKED_THROUGH], logger))
        last = clean(scrub(text[-tail * _LOOKED_THROUGH :], logger))
    return f"{first[:head]}\n... ({len(text)} characters in all) ...\n{last[-tail:]}"


def clean(text: str, most: int | None = None) -> str:
    """Write half characters as `?`: not every reader of JSON takes them."""
    return text[:most].encode("utf-8", "replace").decode()


def _cut(shown: str, characters: int, most: int) -> str:
    return f"{shown[:most]}... ({characters} characters in all)"
