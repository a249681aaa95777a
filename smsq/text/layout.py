"""What people do not see in a phone or a text, and what spreadsheets add. Pure.

In:  a phone or a text as it came. Out: the same as a person reads it.
"""

from __future__ import annotations

import re
import unicodedata

#: How a spreadsheet keeps a phone from being a number: `'375...`, `="375..."`.
_QUOTED = re.compile(r"""'(.+)|="(.+)"|"(.+)\"""")
#: A phone that was a number on its way, as pandas writes it.
_FLOAT = re.compile(r"(\+?\d{8,})[.,]0+")
#: The same, as a spreadsheet writes numbers of more than eleven digits.
_SCIENTIFIC = re.compile(r"\+?(\d)(?:[.,](\d+))?E\+?(\d{1,2})", re.IGNORECASE)


def strip_layout(raw: str) -> str:
    """Take out of a phone what nobody sees, and what a spreadsheet put around it.

    Characters without width (direction marks, joiners, a byte order mark), other spaces than the
    usual one and wide digits come with a copy from a web page or a phone book.

    Args:
        raw: As in `'+375 29 1234567`, `="375291234567"` or `375291234567.0`.
    """
    if raw.isascii() and raw.isdigit():
        return raw
    seen = "".join(
        " " if c.isspace() else c
        for c in unicodedata.normalize("NFKC", raw)
        if unicodedata.category(c) != "Cf"
    ).strip()
    if quoted := _QUOTED.fullmatch(seen):
        seen = next(part for part in quoted.groups() if part).strip()
    if number := _FLOAT.fullmatch(seen):
        return number[1]
    if number := _SCIENTIFIC.fullmatch(seen):
        return _write_out(number) or seen
    return seen


def is_rounded(raw: str) -> bool:
    """Say whether a spreadsheet has rounded a phone: its last digits are lost."""
    number = _SCIENTIFIC.fullmatch(strip_layout(raw))
    return number is not None and _write_out(number) is None


def find_unseen(raw: str) -> str | None:
    """Name the first character that nobody sees and that is no layout either, as in `U+0000`."""
    unseen = (c for c in strip_layout(raw) if unicodedata.category(c).startswith("C"))
    return next((f"U+{ord(c):04X}" for c in unseen), None)


def _write_out(number: re.Match[str]) -> str | None:
    """Write all digits; None where some are lost."""
    decimals = number[2] or ""
    return number[1] + decimals if len(decimals) == int(number[3]) else None


def compose(text: str) -> str:
    """Bring letters and their accents together (NFC), as they are counted and sent.

    Files from a Mac have them apart: then `é` is two characters, and the whole text is no GSM-7 and
    takes twice the parts.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)
