"""Phones in words that are not ours, masked however they are written. Pure.

In:  what a gateway, a file or a user wrote. Out: the same, phones masked.
"""

from __future__ import annotations

import re
from datetime import date

from smsq.text.phones import mask_phone

#: Fewer digits are a number of anything.
_LEAST_PHONE = 7

#: What may stand between the digits of one phone: blanks, dashes, brackets, and what nobody sees.
_BETWEEN = (
    r"[\s()\[\]./_\-\u00b7\u2010-\u2015\u2022\u2212"
    r"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_RUN = re.compile(rf"\+?\d(?:{_BETWEEN}{{0,3}}\d){{{_LEAST_PHONE - 1},}}")
_DATES = (
    re.compile(r"(?P<y>(?:19|20)\d\d)-(?P<m>\d\d)-(?P<d>\d\d)(?: \d\d)?"),
    re.compile(r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>(?:19|20)\d\d)(?: \d\d)?"),
)
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_SAYS_ADDRESS = re.compile(r"\bip\b\W*(?:\w+\W+){0,2}$", re.IGNORECASE)


def mask_phones(text: str) -> str:
    """Mask whatever may be a phone: seven digits or more, and what phones have between them.

    A day, as in 2026-11-27, is none, nor an address after the word IP.
    """
    return _RUN.sub(lambda found: _mask(found, text), text)


def _mask(found: re.Match[str], text: str) -> str:
    run = found.group()
    if any(_is_day(pattern.fullmatch(run)) for pattern in _DATES):
        return run
    if _ADDRESS.fullmatch(run) and _SAYS_ADDRESS.search(text[: found.start()]):
        return run
    return mask_phone(run)


def _is_day(found: re.Match[str] | None) -> bool:
    try:
        return bool(found and date(int(found["y"]), int(found["m"]), int(found["d"])))
    except ValueError:
        return False
