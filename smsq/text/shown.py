"""Words that are not ours, made safe to keep and to show. Pure.

In:  what a gateway, a file or a user wrote. Out: the same on one line, without what moves a cursor,
hides or turns letters round.
"""

from __future__ import annotations

import re
import unicodedata

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
