"""Texts: their SMS parts, the characters that cost, and what no text may hold. Pure.

In:  what a caller wrote. Out: parts, or one sentence saying what to write instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from smsq.mistakes import Mistake, MistakeCode

#: Most parts the gateway takes for one text (docs/gateway.md).
MAX_PARTS = 10

_GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Each costs two places: an escape and the character.
_GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM7 = _GSM7_BASIC | _GSM7_EXTENSION

_SURROGATE = re.compile("[\ud800-\udfff]")


class Encoding(StrEnum):
    """How a text travels; it decides how many characters fit a part."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


#: Places in a text of one part, and in each part of a longer one (the rest holds the numbering).
PLACES_PER_PART = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}

#: So many characters fit whatever they are: two places each in UCS-2, one lost at a part's end.
_SURELY_FITS = MAX_PARTS * (PLACES_PER_PART[Encoding.UCS2][1] - 1) // 2


@dataclass(frozen=True, slots=True)
class Parts:
    """What a text costs.

    Attributes:
        count: SMS parts, 0 for an empty text.
        encoding: UCS-2 as soon as one character is outside GSM-7.
        places: GSM-7 septets or UTF-16 units used.
    """

    count: int
    encoding: Encoding
    places: int


def count_parts(text: str) -> Parts:
    """Count the parts a text will be billed as.

    A character that takes two places (a GSM-7 extension, an emoji) is never cut in half: when it
    does not fit a part's end it moves to the next part.
    """
    characters = set(text)
    encoding = Encoding.GSM7 if characters <= _GSM7 else Encoding.UCS2
    single, each = PLACES_PER_PART[encoding]
    if not any(_width(c, encoding) > 1 for c in characters):
        # As with nearly every text: nothing can be cut in half.
        places = len(text)
        return Parts(min(places, 1) if places <= single else -(-places // each), encoding, places)
    widths = [_width(c, encoding) for c in text]
    places = sum(widths)
    if places <= single:
        return Parts(1, encoding, places)
    count, used = 1, 0
    for width in widths:
        if used + width > each:
            count, used = count + 1, 0
        used += width
    return Parts(count, encoding, places)


@dataclass(frozen=True, slots=True)
class Costly:
    """A character that makes a text take more places.

    Attributes:
        at: Where it stands first, counted from 1.
        forces_ucs2: True where it is outside GSM-7; False where it takes two places.
    """

    character: str
    at: int
    forces_ucs2: bool


def find_costly(text: str) -> list[Costly]:
    """Find the characters that force UCS-2 or take two places, each where it stands first."""
    encoding = count_parts(text).encoding
    found: dict[str, Costly] = {}
    for at, c in enumerate(text, start=1):
        forces_ucs2 = c not in _GSM7
        if c not in found and (forces_ucs2 or _width(c, encoding) > 1):
            found[c] = Costly(c, at, forces_ucs2)
    return list(found.values())


def find_ucs2(text: str) -> set[str]:
    """Find the characters that force UCS-2, in no order."""
    return set(text) - _GSM7


def _width(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return 2 if character in _GSM7_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - the last code point of one unit


def find_text_mistake(text: object) -> Mistake | None:
    """Say what is wrong with a text, None when it can be sent."""
    if not isinstance(text, str):
        told = f"text is {type(text).__name__}: write a string"
        return Mistake(told, MistakeCode.TEXT_TYPE, "text")
    if not text.strip():
        told = "text is empty: write at least one character"
        return Mistake(told, MistakeCode.TEXT_EMPTY, "text")
    if _SURROGATE.search(text):
        told = "text holds half a character (a lone surrogate): write valid Unicode"
        return Mistake(told, MistakeCode.TEXT_CHARACTER, "text")
    if "\x00" in text:
        told = "text holds a NUL character: write the text without it"
        return Mistake(told, MistakeCode.TEXT_CHARACTER, "text")
    return None if len(text) <= _SURELY_FITS else _find_long(count_parts(text))


def _find_long(parts: Parts) -> Mistake | None:
    if parts.count <= MAX_PARTS:
        return None
    most = PLACES_PER_PART[parts.encoding][1] * MAX_PARTS
    told = (
        f"text takes {parts.count} parts: write at most {MAX_PARTS} "
        f"({most} characters in {parts.encoding.value.upper()})"
    )
    return Mistake(told, MistakeCode.TEXT_TOO_LONG, "text")
