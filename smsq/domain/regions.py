"""Where a phone is at home, and what time it may be there. Pure, but for tzdata's table.

In:  phones in the gateway's form. Out: regions, and the zones of a region.

A number tells its country and no more: mobile phones move, and where a country has several zones
any of them may be the right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources

import phonenumbers

#: Stands for the region of a phone that has none; its zone is `SMSQ_TIMEZONE`.
HOME = "home"

#: The digits at a phone's end say nothing about its region.
_TAIL = 4


def region_of(phone: str) -> str:
    """Say whose number it is, as in `BY`; `HOME` when nobody knows."""
    return _region_of_head(phone[:-_TAIL], len(phone))


@lru_cache(maxsize=65_536)
def _region_of_head(head: str, digits: int) -> str:
    phone = head.ljust(digits, "0")
    try:
        number = phonenumbers.parse(f"+{phone}")
    except phonenumbers.NumberParseException:
        return HOME
    found = phonenumbers.region_code_for_number(number)
    if found is None:
        # Of the regions that share a country code, the first is the main one.
        found = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return found if found in _zones() else HOME


def zones_of(region: str, home: str) -> Sequence[str]:
    """Name the zones of a region, the one that stands for it first.

    Args:
        region: As `region_of` says it.
        home: The setting `SMSQ_TIMEZONE`; it stands for a region that it lies in.
    """
    zones = _zones().get(region, (home,))
    return (home, *(zone for zone in zones if zone != home)) if home in zones else zones


@cache
def _zones() -> Mapping[str, Sequence[str]]:
    """Read the table of the time zone database: regions and their zones, the main one first."""
    table = resources.files("tzdata.zoneinfo") / "zone.tab"
    zones: dict[str, tuple[str, ...]] = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            region, _, zone, *_ = line.split("\t")
            zones[region] = (*zones.get(region, ()), zone)
    return zones
