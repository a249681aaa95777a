"""Words that are not ours, made safe to keep and to show. Pure.

In:  what a gateway, a file or a user wrote. Out: the same on one line, without what moves a cursor,
hides or turns letters round; phones masked, however they are written.
"""

from __future__ import annotations

import re
import unicodedata
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

#: What a spreadsheet takes for a formula; full-width signs, too. Tabs are written out before.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[\d*]+(?:[.,]\d+)?")

#: Categories of Unicode: controls and ends of lines; what is not seen, or turns letters round;
#: halves of characters, which nothing can store.
_CONTROLS, _UNSEEN, _HALVES = frozenset({"Cc", "Zl", "Zp"}), "Cf", "Cs"
_SUSPECT = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0400-\u052f]")


def clean_line(text: str) -> str:
    """Write words on one line: controls become blanks, what is not seen goes away."""
    if not _SUSPECT.search(text):
        return text.strip()
    return re.sub(r" {2,}", " ", _SUSPECT.sub(_clean, text)).strip()


def show(text: str) -> str:
    r"""Write a text for a terminal: what would control it, or is not seen, as `\x1b`, `\u202e`."""
    return _SUSPECT.sub(_escape, text)


def show_cell(text: str) -> str:
    """Write a cell of a CSV that a spreadsheet opens: what would be a formula begins with `'`.

    A phone, masked or not, and a number are none.
    """
    shown = show(text)
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown) else shown


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


def _clean(found: re.Match[str]) -> str:
    letter = found.group()
    category = unicodedata.category(letter)
    if category in _CONTROLS:
        return " "
    return {_UNSEEN: "", _HALVES: "?"}.get(category, letter)


def _escape(found: re.Match[str]) -> str:
    letter = found.group()
    category = unicodedata.category(letter)
    if category not in _CONTROLS and category not in {_UNSEEN, _HALVES}:
        return letter
    return letter.encode("unicode_escape").decode()
