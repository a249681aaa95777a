"""Regions and kinds of numbers in settings. Pure.

In:  `BY,PL` and `mobile,fixed_or_mobile`. Out: what may be sent to, or what to write instead.
"""

from __future__ import annotations

import phonenumbers

from smsq.domain.number_kinds import KINDS

ALL = "*"


def parse_regions(text: str) -> tuple[str, ...]:
    """Parse two-letter regions; `*` stands for all.

    Raises:
        ValueError: One of them is none.
    """
    words = _split(text)
    if ALL in words:
        return (ALL,)
    if not words or not phonenumbers.SUPPORTED_REGIONS.issuperset(words):
        raise ValueError("write two-letter regions like BY,PL, or * for all")
    return words


def parse_kinds(text: str) -> tuple[str, ...]:
    """Parse kinds of numbers; `*` stands for all.

    Raises:
        ValueError: One of them is none.
    """
    words = _split(text)
    if ALL in words:
        return (ALL,)
    if not words or not KINDS.issuperset(words):
        raise ValueError(f"write * for all, or some of {', '.join(sorted(KINDS))}")
    return words


def _split(text: str) -> tuple[str, ...]:
    words = (word.strip() for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))
