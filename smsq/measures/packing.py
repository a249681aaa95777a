"""Minutes as they are kept: packed, and a quarter of an hour together where they are large. Pure.

In:  fields as scripts write them (measure.lua). Out: a string, and the fields again.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping

#: The field of the rate in force at the end of a minute, in thousandths of a request a second.
RATE = "rate"

#: The field that says how many minutes are together; without it, one.
MINUTES = "minutes"


def pack(fields: Mapping[str, int]) -> str:
    """Pack fields: some 300 become some 1,100 characters."""
    text = json.dumps(dict(sorted(fields.items())), separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode()


def unpack(text: str) -> dict[str, int]:
    """Unpack fields; there are none in what cannot be read."""
    try:
        return dict(json.loads(zlib.decompress(base64.b85decode(text))))
    except (zlib.error, ValueError):
        return {}


def add_fields(some: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up fields of several times; a rate does not add up and is left out."""
    total: Counter[str] = Counter()
    for fields in some:
        total.update(fields)
    for name in (RATE, MINUTES):
        total.pop(name, None)
    return dict(total)


def join(earlier: Mapping[str, int], later: Mapping[str, int]) -> dict[str, int]:
    """Add up two parts of one time; its length stays, and the later rate."""
    alone = {name: n for name, n in {**earlier, **later}.items() if name in (RATE, MINUTES)}
    return add_fields([earlier, later]) | alone
