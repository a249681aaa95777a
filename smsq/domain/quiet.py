"""Quiet hours: when a zone sleeps, and what to do where several zones meet. Pure.

In:  a span of the day, zones, a span of time. Out: spans in UTC milliseconds, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: From and to, ms since 1970; the end itself is awake.
Span = tuple[int, int]

#: One zone's quiet hours are shorter than this, the hour that autumn adds included. What is longer
#: comes from zones that are never awake together.
LONGEST_MS = 25 * 3600 * 1000

#: Longer ones might leave no awake hour on a day on which clocks change.
MOST_MINUTES = 22 * 60

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A span of every day, in local time; it crosses midnight where it ends before it starts."""

    start: time
    end: time

    @property
    def minutes(self) -> int:
        """How long they are on a usual day."""
        start, end = (one.hour * 60 + one.minute for one in (self.start, self.end))
        return (end - start) % (24 * 60)

    def __str__(self) -> str:
        """Write it as the setting has it."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def find_quiet(hours: QuietHours, zone: str, since: datetime, until: datetime) -> list[Span]:
    """Find a zone's quiet hours that touch a span of time.

    A local time that a clock change makes twice begins them the first time and ends them the
    second; one that is skipped begins them before the change and ends them after it.

    Args:
        hours: Of every day.
        zone: A name as in `Europe/Minsk`.
        since: Aware.
        until: Aware.
    """
    info = ZoneInfo(zone)
    day, last = since.astimezone(info).date() - _DAY, until.astimezone(info).date()
    spans = []
    while day <= last:
        ends = day if hours.start < hours.end else day + _DAY
        begin_ms = min(_both_ms(datetime.combine(day, hours.start, info)))
        end_ms = max(_both_ms(datetime.combine(ends, hours.end, info)))
        spans.append((begin_ms, end_ms))
        day += _DAY
    return merge(span for span in spans if span[1] > to_ms(since) and span[0] < to_ms(until))


def merge(spans: Iterable[Span]) -> list[Span]:
    """Join spans that overlap or touch."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def find_quiet_anywhere(
    hours: QuietHours, zones: Sequence[str], since: datetime, until: datetime
) -> list[Span]:
    """Find when any of the zones is quiet.

    Args:
        hours: Of every day, in each zone.
        zones: One or more. The first alone decides where they are never awake together.
        since: Aware.
        until: Aware.
    """
    found = {zone: find_quiet(hours, zone, since, until) for zone in zones}
    merged = merge(span for spans in found.values() for span in spans)
    is_endless = any(end - begin > LONGEST_MS for begin, end in merged)
    return found[zones[0]] if is_endless else merged


def find_days(zone: str, since: datetime, until: datetime) -> list[tuple[int, str]]:
    """Name a zone's days that touch a span of time: when each begins (ms), and `20261124`."""
    info = ZoneInfo(zone)
    day, last = since.astimezone(info).date(), until.astimezone(info).date()
    days = []
    while day <= last:
        days.append((to_ms(datetime.combine(day, time(), info)), f"{day:%Y%m%d}"))
        day += _DAY
    return days


def to_ms(moment: datetime) -> int:
    """Write a time as the ledger does."""
    return round(moment.timestamp() * 1000)


def _both_ms(local: datetime) -> Span:
    """Read a local time in both ways that a clock change may leave open."""
    early, late = (to_ms(local.replace(fold=fold).astimezone(UTC)) for fold in (0, 1))
    return early, late
