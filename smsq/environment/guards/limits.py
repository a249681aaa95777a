"""How many messages one phone may get. Pure.

In:  `10/1h,30/1d`. Out: pairs of a number and seconds, or what to write instead.
"""

from __future__ import annotations

import re

#: So many messages in so many seconds.
Limit = tuple[int, int]

_WRITTEN = re.compile(r"(?P<most>\d{1,4})/(?P<n>\d{1,5})(?P<unit>[smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST, _LONGEST_S, _MOST_LIMITS = 1000, 30 * 86_400, 5


def parse_limits(text: str) -> tuple[Limit, ...]:
    """Parse limits that hold together; `0` is for none.

    Raises:
        ValueError: Says what to write.
    """
    if text == "0":
        return ()
    limits = [_parse_limit(word.strip()) for word in text.split(",") if word.strip()]
    if not 0 < len(limits) <= _MOST_LIMITS:
        raise ValueError(f"write 1 to {_MOST_LIMITS} limits like 10/1h,30/1d, or 0 for none")
    return tuple(limits)


def _parse_limit(word: str) -> Limit:
    found = _WRITTEN.fullmatch(word)
    most = int(found["most"]) if found else 0
    period_s = int(found["n"]) * _SECONDS[found["unit"]] if found else 0
    if not 0 < most <= _MOST or not 0 < period_s <= _LONGEST_S:
        raise ValueError(
            "write a number up to 1000 and a time up to 30d, as in 10/1h or 3/90s, or 0 for none"
        )
    return most, period_s
