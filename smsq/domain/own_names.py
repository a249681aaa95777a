"""What callers call their own sends: a reference and some tags. Pure.

In:  what a caller wrote, or what the ledger keeps. Out: `OwnNames`, or a `ValueError` that says
what to write instead.

They are no content: nobody gets another SMS for them, and a call that is repeated under its key
with other ones finds the first call's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_REFERENCE = 64
MAX_TAG = 32
MAX_TAGS = 5

#: Control characters, halves of characters, and ends of lines and paragraphs.
_REFUSED = {"Cc", "Cs", "Zl", "Zp"}
#: What lists of tags are written with.
_DIVIDERS = frozenset(",;")


@dataclass(frozen=True, slots=True)
class OwnNames:
    """A caller's own names of a send or a campaign.

    Attributes:
        reference: 1 to 64 characters on one line, such as an order's number; None for none.
        tags: At most five of 1 to 32 characters.
    """

    reference: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)

    def pack(self) -> str:
        """Write them as the ledger keeps them, as index.lua says; "" for none at all."""
        if self.reference is None and not self.tags:
            return ""
        return "\n".join((self.reference or "", *self.tags))


NO_NAMES = OwnNames()


def read_own_names(packed: str | None) -> OwnNames:
    """Read what the ledger keeps; older ledgers keep nothing."""
    if not packed:
        return NO_NAMES
    reference, *tags = packed.split("\n")
    return OwnNames(reference or None, tuple(tags))


def check_reference(raw: object) -> str | None:
    """Read a reference; whole numbers are taken as they are written.

    Raises:
        ValueError: It is none.
    """
    if raw is None:
        return None
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
    if not isinstance(text, str):
        kind = type(raw).__name__
        raise ValueError(f"reference is {kind}: write a string, or None for none")  # noqa: TRY004
    if not _is_line(text, MAX_REFERENCE):
        raise ValueError(f"reference: write 1 to {MAX_REFERENCE} characters on one line")
    return text


def check_tags(raw: object) -> tuple[str, ...]:
    """Read tags; one that is written twice counts once.

    Raises:
        ValueError: They are none, or too many.
    """
    if isinstance(raw, str | bytes) or not isinstance(raw, Iterable):
        kind = type(raw).__name__
        raise ValueError(f"tags is {kind}: write a list of strings")  # noqa: TRY004
    tags: dict[str, None] = {}
    for tag in raw:
        if not isinstance(tag, str) or not _is_line(tag, MAX_TAG) or _DIVIDERS & set(tag):
            raise ValueError(
                f"tags: write 1 to {MAX_TAG} characters each, without comma and semicolon"
            )
        tags[tag] = None
        if len(tags) > MAX_TAGS:
            raise ValueError(f"tags: write at most {MAX_TAGS}")
    return tuple(tags)


def _is_line(text: str, longest: int) -> bool:
    if not text.strip() or len(text) > longest:
        return False
    return not any(unicodedata.category(letter) in _REFUSED for letter in text)
