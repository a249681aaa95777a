"""Collects what is wrong with a call, and refuses it when all is known. Pure.

In:  what a caller wrote. Out: mistakes, or `InvalidMessageError` with all of them; `ConfigError`
where no such call can be sent, since nobody named a sender.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TypeVar

from smsq.errors import ConfigError, InvalidMessageError
from smsq.mistakes import Mistake, MistakeCode

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
    raise InvalidMessageError([_no_list(messages)])


def _no_list(messages: object) -> Mistake:
    told = f"messages is {type(messages).__name__}: write a list of messages"
    return Mistake(told, MistakeCode.MESSAGES_TYPE, "messages")


def is_one_of(*kinds: type, message: object, mistakes: list[Mistake]) -> bool:
    """Note a mistake when a message is of none of these kinds."""
    if isinstance(message, kinds):
        return True
    names = " or ".join(kind.__name__ for kind in kinds)
    told = f"it is {type(message).__name__}: write a {names}"
    mistakes.append(Mistake(told, MistakeCode.MESSAGES_TYPE, "messages"))
    return False


def refuse(mistakes: Sequence[Mistake], more: int = 0) -> None:
    """Raise what was found, up to `MAX_MISTAKES`.

    Args:
        mistakes: Found.
        more: Found beside these, and not kept.

    Raises:
        ConfigError: Nobody named a sender. That alone is told: it is no visitor's mistake, and
            whoever answers 400 to those must not show it.
        InvalidMessageError: There are mistakes.
    """
    if nobody := [one for one in mistakes if one.code is MistakeCode.SENDER_MISSING]:
        raise ConfigError(nobody[:1])
    more += max(0, len(mistakes) - MAX_MISTAKES)
    if more:
        told = Mistake(f"... and {more} more mistakes", MistakeCode.MORE, "")
        mistakes = [*mistakes[:MAX_MISTAKES], told]
    if mistakes:
        raise InvalidMessageError(mistakes)
