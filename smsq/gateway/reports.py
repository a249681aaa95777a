"""Pages of reports: rows in whatever form, and phones however they are written. Pure.

In:  the list in an answer. Out: phones with the gateway's words; rows that say nothing are counted.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property, partial

from smsq.gateway.reasons import clean_status
from smsq.models import ReportRow

#: Longest word of the gateway's that is kept: a status, a uuid.
WORD_MAX = 100

#: What may stand between a phone's digits: blanks, dashes, brackets, and what nobody sees. No
#: stars: a masked phone is none.
_LAYOUT = re.compile(
    r"[\s()+./\-\u00ad\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
)
_LEAST_DIGITS, _MOST_DIGITS = 5, 15


@dataclass(frozen=True)
class ReportPage:
    """One page of getSmsDeliveryList.

    Attributes:
        result: Rows as the gateway sent them.
    """

    result: Sequence[object] = field(repr=False)

    @property
    def row_count(self) -> int:
        """Rows the gateway sent."""
        return len(self.result)

    @cached_property
    def rows(self) -> Sequence[ReportRow]:
        """The rows that could be read. Read when first asked for: the next page need not wait."""
        # Rows of one page share a few words: each is cleaned once.
        clean = cache(partial(clean_status, most=WORD_MAX))
        return [read for row in self.result if (read := _read_row(row, clean))]

    @property
    def mark(self) -> str:
        """The same for two pages of the same phones, in whatever order; "" for no phones."""
        phones = sorted(row.phone for row in self.rows)
        return f"{zlib.crc32(','.join(phones).encode()):08x}" if phones else ""

    @property
    def unreadable_count(self) -> int:
        """Rows without a phone or a status that could be read."""
        return len(self.result) - len(self.rows)


def list_rows(result: object) -> Sequence[object] | None:
    """Find the rows where a list should stand; None where there are none.

    An empty list may be written as nothing; a list as an object of rows, by number or by phone; one
    row without its list; and the list may have its number of rows or pages beside it.
    """
    if result is None or isinstance(result, list):
        return result or []
    if not isinstance(result, dict):
        return None
    lists = [value for value in result.values() if isinstance(value, list)]
    rows = [{"phone": key, **row} for key, row in result.items() if isinstance(row, dict)]
    if "phone" in result:
        return [result]
    if len(lists) == 1:
        return lists[0]
    return rows if len(rows) == len(result) else None


def _read_row(row: object, clean: Callable[[str], str]) -> ReportRow | None:
    # JSON makes no other types than these, and True is no int by type.
    if type(row) is not dict:
        return None
    phone, status, d_sent = row.get("phone"), row.get("status"), row.get("d_sent")
    if type(status) is not str:
        status = _read_number(status)
    digits = read_phone(phone)
    if status is None or digits is None:
        return None
    return ReportRow(digits, clean(status), d_sent if type(d_sent) is str else None)


def read_phone(phone: object) -> str | None:
    """Read a phone written as a number, or in any of the ways that people and databases write it.

    Returns:
        Its digits; None when they are not all there.
    """
    if type(phone) is not str:
        phone = _read_number(phone)
        if phone is None or phone.startswith("-"):
            return None
    if not (phone.isascii() and phone.isdigit()):
        phone = _LAYOUT.sub("", _undo_point(phone.strip()))
    digits = phone.removeprefix("00")
    is_phone = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return digits if is_phone and len(digits) >= _LEAST_DIGITS else None


def _undo_point(phone: str) -> str:
    """Write `375291234567.0` and `3.75291234567E+11` as a whole number; not one that is rounded."""
    try:
        number = Decimal(phone)
        is_whole = number == number.to_integral_value()
    except InvalidOperation:
        return phone
    is_exact = len(number.as_tuple().digits) > number.adjusted()
    return str(int(number)) if is_whole and is_exact else ""


def _read_number(value: object) -> str | None:
    """Write a whole number as a word; None for what is none."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return str(value) if type(value) is int else None
