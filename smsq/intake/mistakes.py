"""Collects what is wrong with a call, and refuses it when all is known. Pure.

In:  what a caller wrote. Out: mistakes, or `InvalidMessageError` with all of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TypeVar

from smsq.errors import InvalidMessageError

#: Most mistakes told at once; a list of a million bad phones helps nobody.
MAX_MISTAKES = 100

MAX_NAME = 200
_M = TypeVar("_M")


def is_name(name: object) -> bool:
    """Neither the gateway nor its receipts could repeat a control character or half a one."""
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME:
        return False
    return not any(unicodedata.category(c) in {"Cc", "Cs"} for c in name)


def listed(messages: Iterable[_M]) -> Iterable[_M]:
    """Refuse what is no list of messages.

    Raises:
        InvalidMessageError: It is not even iterable.
    """
    if isinstance(messages, Iterable):
        return messages
    raise InvalidMessageError([f"messages is {type(messages).__name__}: write a list of messages"])


def is_one_of(*kinds: type, message: object, mistakes: list[str]) -> bool:
    """Note a mistake when a message is of none of these kinds."""
    if isinstance(message, kinds):
        return True
    names = " or ".join(kind.__name__ for kind in kinds)
    mistakes.append(f"it is {type(message).__name__}: write a {names}")
    return False


def only(mistake: str | None) -> Iterable[str]:
    """Make a list of a mistake, or of none."""
    return [mistake] if mistake else []


def refuse(mistakes: list[str]) -> None:
    """Raise what was found, up to `MAX_MISTAKES`.

    Raises:
        InvalidMessageError: There are mistakes.
    """
    if len(mistakes) > MAX_MISTAKES:
        more = len(mistakes) - MAX_MISTAKES
        mistakes = [*mistakes[:MAX_MISTAKES], f"... and {more} more mistakes"]
    if mistakes:
        raise InvalidMessageError(mistakes)
