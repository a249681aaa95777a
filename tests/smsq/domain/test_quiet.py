"""Quiet hours as arithmetic: zones, midnight, days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsq.domain.quiet import (
    LONGEST_MS,
    MOST_MINUTES,
    QuietHours,
    find_days,
    find_quiet,
    find_quiet_anywhere,
    to_ms,
)
from smsq.domain.regions import HOME, region_of, zones_of

NIGHT = QuietHours(time(21), time(9))
ZONES = (
    *("Europe/Minsk", "Europe/Warsaw", "Europe/London", "America/New_York", "America/St_Johns"),
    *("Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana", "Asia/Beirut"),
)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
hours = st.builds(QuietHours, times, times).filter(lambda h: 0 < h.minutes <= MOST_MINUTES)
moments = st.integers(0, 6 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def is_quiet(spans: list[tuple[int, int]], moment: datetime) -> bool:
    return any(begin <= to_ms(moment) < end for begin, end in spans)


def is_in(quiet: QuietHours, clock: time) -> bool:
    if quiet.start < quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end


@pytest.mark.parametrize(
    ("quiet", "zone", "day", "begin", "end"),
    [
        # No clock changes in Minsk, at any time of the year.
        (NIGHT, "Europe/Minsk", "2026-11-24", "2026-11-24T18:00", "2026-11-25T06:00"),
        (NIGHT, "Europe/Minsk", "2026-12-31", "2026-12-31T18:00", "2027-01-01T06:00"),
        # An hour less in the night of spring, an hour more in that of autumn.
        (NIGHT, "Europe/Warsaw", "2026-03-28", "2026-03-28T20:00", "2026-03-29T07:00"),
        (NIGHT, "Europe/Warsaw", "2026-10-24", "2026-10-24T19:00", "2026-10-25T08:00"),
        # Within one day.
        (QuietHours(time(13), time(15)), "Asia/Kolkata", "2026-07-01", "2026-07-01T07:30",
         "2026-07-01T09:30"),
        # 02:30 comes twice in New York on 1 November: the second one ends the quiet hours.
        (QuietHours(time(23), time(1, 30)), "America/New_York", "2026-10-31", "2026-11-01T03:00",
         "2026-11-01T06:30"),
        # 02:30 is skipped on 8 March: they end after the change.
        (QuietHours(time(23), time(2, 30)), "America/New_York", "2026-03-07", "2026-03-08T04:00",
         "2026-03-08T07:30"),
    ],
)  # fmt: skip
def test_quiet_hours_of_a_day(quiet: QuietHours, zone: str, day: str, begin: str, end: str) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    spans = find_quiet(quiet, zone, noon, noon + timedelta(days=1))

    assert (to_ms(utc(begin)), to_ms(utc(end))) in spans


@given(quiet=hours, zone=st.sampled_from(ZONES), moment=moments)
def test_whatever_the_clock_on_the_wall_shows_counts(
    quiet: QuietHours, zone: str, moment: datetime
) -> None:
    spans = find_quiet(quiet, zone, moment - timedelta(days=1), moment + timedelta(days=1))

    if is_in(quiet, moment.astimezone(ZoneInfo(zone)).time()):
        assert is_quiet(spans, moment)


@given(quiet=hours, zone=st.sampled_from(ZONES), moment=moments)
def test_no_zone_is_quiet_for_longer_than_a_day(
    quiet: QuietHours, zone: str, moment: datetime
) -> None:
    spans = find_quiet(quiet, zone, moment - timedelta(days=3), moment + timedelta(days=3))

    assert all(0 < end - begin <= LONGEST_MS for begin, end in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans))


@settings(deadline=None)
@given(quiet=hours, zones=st.lists(st.sampled_from(ZONES), min_size=1, unique=True), moment=moments)
def test_several_zones_are_quiet_when_any_is_unless_they_are_never_awake_together(
    quiet: QuietHours, zones: list[str], moment: datetime
) -> None:
    since, until = moment - timedelta(days=3), moment + timedelta(days=3)
    spans = find_quiet_anywhere(quiet, zones, since, until)
    each = [find_quiet(quiet, zone, since, until) for zone in zones]

    assert all(end - begin <= LONGEST_MS for begin, end in spans)
    if spans != each[0]:
        assert is_quiet(spans, moment) == any(is_quiet(one, moment) for one in each)


def test_days_begin_at_local_midnight_also_where_clocks_skip_it() -> None:
    # In Beirut 2026-03-29 begins at 01:00 of its own time.
    found = find_days("Asia/Beirut", utc("2026-03-27T00:00"), utc("2026-03-31T00:00"))
    days = {name: begin for begin, name in found}

    assert days["20260329"] == to_ms(utc("2026-03-28T22:00"))
    assert days["20260330"] - days["20260329"] == 23 * 3600 * 1000


@pytest.mark.parametrize(
    ("phone", "region", "first_zone"),
    [
        ("375291234567", "BY", "Europe/Minsk"),
        ("77011234567", "KZ", "Asia/Almaty"),
        ("79161234567", "RU", "Europe/Kaliningrad"),
        ("48501234567", "PL", "Europe/Warsaw"),
        ("12125551234", "US", "America/New_York"),
        ("88213123456", HOME, "Europe/Minsk"),
        ("38344123456", HOME, "Europe/Minsk"),
    ],
)
def test_a_phone_is_at_home_where_its_number_says(phone: str, region: str, first_zone: str) -> None:
    assert region_of(phone) == region
    assert zones_of(region, "Europe/Minsk")[0] == first_zone


def test_the_setting_stands_for_the_region_that_it_lies_in() -> None:
    assert zones_of("RU", "Asia/Omsk")[0] == "Asia/Omsk"
    assert sorted(zones_of("RU", "Asia/Omsk")) == sorted(zones_of("RU", "Europe/Minsk"))
