"""SMSQ_HEARTBEAT: a phone of the operator's own, and how often it gets a message. Pure.

In:  `+375291234567@10m`. Out: `Heartbeat`, or what to write instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_EXAMPLE = "write a phone with its country code and a time from 1m to 24h, as in +375291234567@10m"
_WRITTEN = re.compile(r"\+?(?P<phone>[1-9]\d{7,14})@(?P<n>\d{1,5})(?P<unit>[smh])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LEAST_S, _MOST_S = 60, 86_400


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A message to a phone of one's own, again and again.

    Attributes:
        phone: Digits, with the country code.
        every_s: From one to the next.
    """

    phone: str = field(repr=False)
    every_s: int


def parse_heartbeat(text: str) -> Heartbeat:
    """Parse the setting.

    Raises:
        ValueError: Says what to write; the phone is not repeated.
    """
    found = _WRITTEN.fullmatch(text)
    if not found:
        raise ValueError(_EXAMPLE)
    every_s = int(found["n"]) * _SECONDS[found["unit"]]
    if not _LEAST_S <= every_s <= _MOST_S:
        raise ValueError(_EXAMPLE)
    return Heartbeat(found["phone"], every_s)
