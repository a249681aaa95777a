"""Events on the wire: the JSON of the webhook, and back. Pure.

In:  an event. Out: a document of it, as the webhook posts it; and from such a document the event.

A document may come from a newer smsq. Fields that this version does not know are passed over; of a
type or with a state that it does not know there is no event.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from smsq.events.events import CampaignEvent, Event, JobEvent, RecipientEvent

_TYPES: Mapping[str, type[Event]] = {
    "job": JobEvent,
    "recipient": RecipientEvent,
    "campaign": CampaignEvent,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_HINTS = {kind: typing.get_type_hints(kind) for kind in _NAMES}


class _NewerError(Exception):
    """A word that only a newer version knows."""


def dump_event(event: Event) -> dict[str, Any]:
    """Write an event as the webhook posts it, ready for JSON; `load_event` reads it back."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    values |= {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    at = event.at.isoformat(timespec="milliseconds")
    return {"type": _NAMES[type(event)], **values, "at": at}


def load_event(document: Mapping[str, Any]) -> Event | None:
    """Read an event that the webhook posted.

    Args:
        document: One of the `events` of a body.

    Returns:
        The event; None where only a newer smsq knows its type or its state. Fields that this one
        does not know are passed over.

    Raises:
        ValueError: It is no event: a field is missing or holds something else.
    """
    try:
        kind = _TYPES.get(_read_plain(str, document["type"]))
        return kind(**_read_fields(kind, document)) if kind else None
    except _NewerError:
        return None
    except KeyError as error:
        problem = f"{error} is missing"
    except (TypeError, ValueError, OverflowError) as error:
        problem = type(error).__name__
    raise ValueError(f"not an event ({problem})")


def _read_fields(kind: type[Event], document: Mapping[str, Any]) -> dict[str, Any]:
    hints = _HINTS[kind]
    values = {}
    for field in fields(kind):
        if field.name in document:
            values[field.name] = _read(hints[field.name], document[field.name])
        elif field.default is MISSING:
            raise KeyError(field.name)
    return values


def _read(hint: Any, value: Any) -> Any:
    """Read what JSON made of a value of this type."""
    if isinstance(hint, types.UnionType):
        if value is None and types.NoneType in typing.get_args(hint):
            return None
        [hint] = [one for one in typing.get_args(hint) if one is not types.NoneType]
    origin = typing.get_origin(hint)
    if origin is not None:  # tuple[str, ...]
        items = list(value) if isinstance(value, list | tuple) else _refuse(value)
        return tuple(_read(typing.get_args(hint)[0], item) for item in items)
    read: Callable[[Any, Any], Any] = _READERS.get(hint, _read_word)
    return read(hint, value)


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__name__)


def _read_plain(hint: type, value: Any) -> Any:
    return value if type(value) is hint else _refuse(value)


def _read_time(_hint: type, value: Any) -> datetime:
    at = datetime.fromisoformat(_read_plain(str, value))
    return at.astimezone(UTC) if at.tzinfo else _refuse(value)


def _read_word(hint: type[StrEnum], value: Any) -> StrEnum:
    word = _read_plain(str, value.value if isinstance(value, StrEnum) else value)
    try:
        return hint(word)
    except ValueError:
        raise _NewerError from None


_READERS: Mapping[type, Callable[[Any, Any], Any]] = {
    str: _read_plain,
    int: _read_plain,
    bool: _read_plain,
    datetime: _read_time,
}
