"""A list of phones in a setting. Pure.

In:  `+375291234567, +375 29 765-43-21`. Out: phones in the gateway's form, or what to write.
"""

from __future__ import annotations

import re

_EXAMPLE = (
    "write phones with + and country code, and commas between them, as in "
    "+375291234567,+375297654321"
)
_WRITTEN = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)
_BETWEEN = str.maketrans("", "", " \t-()\u00a0")
_MOST = 1000


def parse_phones(text: str) -> tuple[str, ...]:
    """Parse phones that stand between commas; each is kept once.

    Without a + it would be a guess whether a number is national.

    Returns:
        Digits with the country code, at most 1,000 phones.

    Raises:
        ValueError: Says which one is none, by its place: phones are not repeated.
    """
    phones: dict[str, None] = {}
    for place, written in enumerate(text.split(","), start=1):
        phone = written.translate(_BETWEEN).strip()
        if not phone:
            continue
        if not _WRITTEN.fullmatch(phone):
            raise ValueError(f"phone {place} is none: {_EXAMPLE}")
        phones[phone[1:]] = None
    if len(phones) > _MOST:
        raise ValueError(f"write at most {_MOST:,} phones")
    return tuple(phones)
