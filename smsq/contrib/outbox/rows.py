"""Rows of the outbox: a message as it is written down, and as it is handed over. Pure.

In:  messages as callers write them. Out: values of columns; and messages again, with the time that
is left of them.

A row is checked when it is written, and what is sent is settled then: phone, sender and text do not
change with the settings of the relay. So a row that is handed over twice has one content, and the
ledger knows it by its key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from smsq.contrib.outbox.table import Row
from smsq.errors import InvalidMessageError
from smsq.intake.intake import Intake
from smsq.intake.mistakes import is_one_of, listed, refuse
from smsq.mistakes import Mistake, MistakeCode
from smsq.models import QuickMessage
from smsq.names import PRIORITIES
from smsq.settings import Settings
from smsq.tracing import enqueueing, trace_fields

#: A message leaves with at least so much time. Too late, it still becomes a job: one that ends as
#: `expired`, in front of everybody who follows jobs, or the earlier one if it was handed over.
LEAST_EXPIRY_S = 0.001

#: A row due so soon waits for it: a moment that is past when the message is checked is refused.
NEAR_MS = 2000

#: Columns of their own, or nothing that a row can have.
_NOT_OPTIONS = frozenset({"phone", "text", "key", "again"})
_TRACE = "traceparent"
_TIMES = ("send_at", "expires_in_s")
#: Written as they were read: a set of tags is no JSON, and an iterator of them is used up by then.
_NAMES = ("reference", "tags")
_DEFAULTS = {
    each.name: each.default
    for each in fields(QuickMessage)
    if each.name not in {*_NOT_OPTIONS, *_TIMES, *_NAMES}
}


@dataclass(frozen=True, slots=True)
class NotYet:
    """A row that is due in a moment.

    Attributes:
        until_ms: When, by the database's clock.
    """

    until_ms: int


@dataclass(frozen=True, slots=True)
class TooOld:
    """A row of which nobody can tell any more whether it was sent."""


def write_row(message: QuickMessage, settings: Settings, *, now: datetime) -> dict[str, Any]:
    """Check a message, and write down what is to be sent.

    Args:
        message: Without a key: the row's id is one.
        settings: Default sender, region, zone.
        now: Aware, by this host's clock, as for `SmsQueue.send_quick`.

    Returns:
        Column → value: `rank`, `phone`, `text`, `options`.

    Raises:
        InvalidMessageError: With every mistake found, as `SmsQueue.send_quick` does.
    """
    with enqueueing(kind="outbox", jobs=1):
        return _write(message, settings, now)


def _write(message: QuickMessage, settings: Settings, now: datetime) -> dict[str, Any]:
    if message.key is not None or message.again is not False:
        said = "key: leave it and again out: the id of the row is the key"
        raise InvalidMessageError([Mistake(said, MistakeCode.KEY_INVALID, "key")])
    checked = Intake(settings, now).check_quick(message)
    [phone] = checked.request.recipients
    options = {
        name: getattr(message, name)
        for name, default in _DEFAULTS.items()
        if getattr(message, name) != default
    }
    options["alphaname_id"] = checked.request.alphaname_id
    options["priority"] = str(checked.priority)
    options |= {name: value for name in _NAMES if (value := getattr(checked.names, name))}
    if checked.due_at:
        options["send_at"] = checked.due_at.isoformat()
    if checked.expires_in_s:
        options["expires_in_s"] = float(checked.expires_in_s)
    options |= trace_fields()
    return {
        "rank": PRIORITIES.index(checked.priority),
        "phone": f"+{phone}",
        "text": checked.request.text,
        "options": json.dumps(options, ensure_ascii=False, separators=(",", ":")),
    }


def write_rows(
    messages: Iterable[QuickMessage], settings: Settings, *, now: datetime
) -> list[dict[str, Any]]:
    """Check many messages as `write_row` does one, and write them down.

    Raises:
        InvalidMessageError: With the mistakes of all of them, up to `MAX_MISTAKES`.
    """
    rows, mistakes, given = [], list[Mistake](), listed(messages)
    with enqueueing(kind="outbox") as span:
        for number, message in enumerate(given, start=1):
            found: list[Mistake] = []
            try:
                if is_one_of(QuickMessage, message=message, mistakes=found):
                    rows.append(_write(message, settings, now))
            except InvalidMessageError as refused:
                found += refused.mistakes
            mistakes += [mistake.in_message(number) for mistake in found]
        refuse(mistakes)
        span.note(jobs=len(rows))
    return rows


def find_origin(row: Row) -> str:
    """Find the span that a row was written in; "" for none."""
    if _TRACE not in row.options:
        return ""
    try:
        return str(json.loads(row.options).get(_TRACE, ""))
    except (ValueError, AttributeError):
        return ""


def read_row(
    row: Row, *, now_ms: int, host_now: datetime, settings: Settings
) -> QuickMessage | NotYet | TooOld:
    """Say what to do with a row now.

    Args:
        row: As it was written.
        now_ms: By the database's clock, which its age is counted by.
        host_now: Aware, by this host's clock, which the queue checks `send_at` by.
        settings: Of the queue.

    Raises:
        ValueError: The row is damaged; TypeError: a newer smsq wrote it.
    """
    # Keys are kept as long as jobs. A row that came back with an old backup may have been sent.
    if now_ms - row.waiting_since_ms > settings.retention_s * 1000:
        return TooOld()
    options: dict[str, Any] = json.loads(row.options)
    options.pop(_TRACE, None)
    send_at = _read_moment(options.pop("send_at", None))
    expires_in_s: float | None = options.pop("expires_in_s", None)
    if send_at:
        due_in_ms = round((send_at - host_now).total_seconds() * 1000)
        if 0 < due_in_ms <= NEAR_MS:
            return NotYet(now_ms + due_in_ms)
        send_at = send_at if due_in_ms > 0 else None
    message = QuickMessage(
        phone=row.phone,
        text=row.text,
        key=str(row.id),
        send_at=send_at,
        **options,
    )
    if expires_in_s is None:
        return message
    age_s = max(0, now_ms - row.created_at_ms) / 1000
    return _shorten(message, max(expires_in_s - age_s, LEAST_EXPIRY_S), settings)


def _shorten(message: QuickMessage, left_s: float, settings: Settings) -> QuickMessage:
    # Too little is left to be gathered: it goes alone.
    is_gathered = message.gather and left_s > settings.gather_s
    return replace(message, expires_in_s=left_s, gather=is_gathered)


def _read_moment(raw: str | None) -> datetime | None:
    return datetime.fromisoformat(raw).astimezone(UTC) if raw else None
