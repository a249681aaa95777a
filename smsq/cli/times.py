"""Times as people read and write them on the command line.

In:  moments, the zone of the settings. Out: words that name their zone; JSON has times of its own.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from smsq.settings import Settings


def reader_zone(settings: Settings) -> tzinfo:
    """Give the zone that people read times in: SMSQ_TIMEZONE, whatever the machine's is."""
    return ZoneInfo(settings.timezone)


def say_time(
    at: datetime,
    zone: tzinfo,
    precision: Literal["minutes", "seconds", "milliseconds"] = "seconds",
) -> str:
    """Write a time as `2026-11-26 10:00:00+03:00`.

    The offset tells the two hours apart that the end of summer time makes alike, and options that
    take a time read it back.
    """
    return at.astimezone(zone).isoformat(" ", precision)


def to_gateway_time(moment: datetime | None, settings: Settings) -> datetime | None:
    """Read a time as it is written on the command line: without an offset in SMSQ_TIMEZONE."""
    return in_zone(moment, reader_zone(settings)) if moment else None


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Read a time without an offset as one of the zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
