"""The gateway's ids, in whatever way it writes them. Pure.

In:  a value out of JSON or a form. Out: the id, or nothing.
"""

from __future__ import annotations

_LARGEST_ID = 2**63 - 1
#: Above it, whole numbers with a point may be rounded ones.
_MOST_EXACT = 2**53


def read_id(value: object) -> int | None:
    """Read an id written as a number or as digits; None when it is none."""
    if isinstance(value, float) and value.is_integer() and value < _MOST_EXACT:
        value = int(value)
    if isinstance(value, str):
        value = value.strip()
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:  # noqa: PLR2004 - 2**63 has 19
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 1 <= value <= _LARGEST_ID else None
