"""Fields of a call: the value, or one mistake that says what to write."""

from __future__ import annotations

import math
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.intake.fields import Fields
from smsq.mistakes import MistakeCode
from smsq.models import OnUnknown, ViberForward
from smsq.names import Queue
from smsq.settings import Settings

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)  # noon in Minsk


def make_fields(**environ: str) -> Fields:
    return Fields(Settings.from_env(environ), NOW, [])


@pytest.fixture
def fields() -> Fields:
    return make_fields()


def test_a_phone_is_normalized_for_the_region_of_the_settings(fields: Fields) -> None:
    assert fields.phone("80 29 123-45-67") == "375291234567"
    fields = make_fields(SMSQ_ACCEPT_UNKNOWN_RANGES="1")
    assert fields.phone("+375 10 123-45-67") == "375101234567"
    assert make_fields(SMSQ_DEFAULT_REGION="RU").phone("8 916 123-45-67") == "79161234567"
    assert fields.mistakes == []


@pytest.mark.parametrize(
    ("raw", "mistake"),
    [
        ("12", "phone ** is not valid: write it like +375 29 123-45-67"),
        ("", "phone without digits is not valid: write it like +375 29 123-45-67"),
        ("nobody", "phone without digits is not valid: write it like +375 29 123-45-67"),
        (
            "+375 29 123-45-678",
            "phone +375********78 is not valid: write it like +375 29 123-45-67",
        ),
        (375291234567, "phone is int: write a string"),
        (None, "phone is NoneType: write a string"),
    ],
)
def test_a_bad_phone_is_told_masked(fields: Fields, raw: object, mistake: str) -> None:
    assert fields.phone(raw) == ""
    assert fields.mistakes == [mistake]


@given(st.text("0123456789 +-ab", max_size=60))
def test_no_mistake_repeats_a_phone(raw: str) -> None:
    fields = make_fields()
    fields.phone(raw)
    digits = "".join(c for c in raw if c.isdigit())

    told = "".join(fields.mistakes).replace("+375 29 123-45-67", "")
    assert len(digits) < 6 or digits not in "".join(c for c in told if c.isdigit())


def test_a_sender_is_the_calls_or_the_settings() -> None:
    fields = make_fields(SMSQ_ALPHANAME_ID="123")

    assert fields.alphaname_id(None) == "123"
    assert fields.alphaname_id("Shop") == "Shop"
    assert fields.alphaname_id("Z" * 64) == "Z" * 64
    assert fields.mistakes == []


@pytest.mark.parametrize(
    ("raw", "mistake"),
    [
        (None, "alphaname_id is missing: write one, or set SMSQ_ALPHANAME_ID"),
        ("", "alphaname_id is missing: write one, or set SMSQ_ALPHANAME_ID"),
        ("Z" * 65, "alphaname_id: write 1 to 64 letters or digits"),
        ("my shop", "alphaname_id: write 1 to 64 letters or digits"),
        ("123\n", "alphaname_id: write 1 to 64 letters or digits"),
        ("1&token=", "alphaname_id: write 1 to 64 letters or digits"),
        ("\ud800", "alphaname_id: write 1 to 64 letters or digits"),
        (123, "alphaname_id is int: write a string"),
    ],
)
def test_a_bad_sender_is_told(fields: Fields, raw: object, mistake: str) -> None:
    assert fields.alphaname_id(raw) == ""
    assert fields.mistakes == [mistake]


@pytest.mark.parametrize("key", [None, "login-8812", "заказ 5", " k ", "k" * 10_000])
def test_a_key_is_any_text(fields: Fields, key: str | None) -> None:
    assert fields.key(key) == key
    assert fields.mistakes == []


@pytest.mark.parametrize(
    ("raw", "mistake"),
    [
        ("", "key is empty: write a string of your own, or None for no key"),
        ("  ", "key is empty: write a string of your own, or None for no key"),
        (b"k", "key is bytes: write a string of your own, or None for no key"),
        (True, "key is bool: write a string of your own, or None for no key"),
        (1.5, "key is float: write a string of your own, or None for no key"),
    ],
)
def test_an_empty_key_is_a_mistake_and_not_no_key(
    fields: Fields, raw: object, mistake: str
) -> None:
    assert fields.key(raw) is None
    assert fields.mistakes == [mistake]


def test_the_key_of_a_row_is_taken_as_it_is_written(fields: Fields) -> None:
    row = UUID("12345678-1234-5678-1234-567812345678")

    assert [fields.key(8812), fields.key(0), fields.key(row)] == ["8812", "0", str(row)]
    assert fields.mistakes == []


@pytest.mark.parametrize("word", ["urgent", "normal", "bulk", Queue.URGENT])
def test_a_priority_is_one_of_three(fields: Fields, word: str) -> None:
    assert fields.priority(word) is Queue(word)
    assert fields.mistakes == []


@pytest.mark.parametrize("raw", ["poll", "URGENT", "", None, 1, ["urgent"], {}])
def test_another_priority_is_told_the_three(fields: Fields, raw: object) -> None:
    fields.priority(raw)
    assert fields.mistakes == ["priority: write one of: urgent, normal, bulk"]


def test_on_unknown_is_the_calls_or_the_settings() -> None:
    fields = make_fields(SMSQ_ON_UNKNOWN="resend")

    assert fields.on_unknown(None) is OnUnknown.RESEND
    assert fields.on_unknown("hold") is OnUnknown.HOLD
    assert fields.mistakes == []
    for raw in ("retry", "", True, ["hold"]):
        fields.on_unknown(raw)
    assert fields.mistakes == ["on_unknown: write one of: hold, resend"] * 4


@pytest.mark.parametrize(("after_min", "taken"), [(None, 60), (5, 5), (15, 15), (60, 60)])
def test_viber_is_asked_for_by_name_and_minutes(
    fields: Fields, after_min: int | None, taken: int
) -> None:
    assert fields.viber(9, after_min) == ViberForward(name_id=9, after_min=taken)
    assert fields.viber(None, None) is None
    assert fields.mistakes == []


@pytest.mark.parametrize("after_min", [4, 61, 0, -5, True, "15", 15.0, math.nan])
def test_minutes_to_viber_are_whole_and_bounded(fields: Fields, after_min: object) -> None:
    fields.viber(9, after_min)
    assert fields.mistakes == ["viber_after_min: write whole minutes from 5 to 60"]


@pytest.mark.parametrize("name_id", [None, 0, -1, True, "9", 9.0, 2**63, 10**400])
def test_viber_needs_the_id_of_a_name(fields: Fields, name_id: object) -> None:
    fields.viber(name_id, 15)
    assert fields.mistakes == ["viber_name_id: write your Viber name's id, a whole number above 0"]


def test_both_of_vibers_mistakes_are_told(fields: Fields) -> None:
    fields.viber("9", "15")
    assert len(fields.mistakes) == 2


class Zoneless(tzinfo):
    def utcoffset(self, moment: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize("zone", [None, Zoneless()])
def test_a_naive_time_is_refused_with_the_two_ways_to_write_it(
    fields: Fields, zone: tzinfo | None
) -> None:
    assert fields.moment("send_at", None) is None
    assert fields.mistakes == []

    assert fields.moment("send_at", datetime(2026, 3, 1, 13, 30, tzinfo=zone)) is None
    [mistake] = fields.mistakes
    assert (mistake.code, mistake.field) == (MistakeCode.TIME_NAIVE, "send_at")
    for way in mistake.partition(": write ")[2].split(", or ", 1):
        at = eval(way, {"datetime": datetime, "UTC": UTC, "timedelta": timedelta} | vars(zoneinfo))
        assert fields.moment("send_at", at)


def test_an_aware_time_stays_the_same_instant(fields: Fields) -> None:
    tokyo = datetime(2026, 3, 1, 19, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    moment = fields.moment("send_at", tokyo)

    assert moment == tokyo
    assert moment is not None
    assert moment.tzinfo is UTC
    assert fields.mistakes == []


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        (datetime(2026, 3, 29, 1, 59, tzinfo=BERLIN), datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
        # That night 02:30 does not exist in Berlin: read by the clock before, it is 03:30 after.
        (datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (datetime(2026, 3, 29, 3, 0, tzinfo=BERLIN), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        # 02:30 comes twice; the first one unless the caller says `fold=1`.
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        ),
    ],
)
def test_summer_time_is_minded(local: datetime, utc: datetime) -> None:
    fields = make_fields(SMSQ_TIMEZONE="Europe/Berlin")

    assert fields.moment("send_at", local) == utc
    assert fields.mistakes == []


@pytest.mark.parametrize(
    "past",
    [
        NOW,
        NOW - timedelta(microseconds=1),
        datetime(2026, 3, 1, 12, 0, tzinfo=ZoneInfo("Europe/Minsk")),  # now
        datetime(2026, 3, 1, 11, 59, tzinfo=ZoneInfo("Europe/Minsk")),
        datetime(1970, 1, 1, tzinfo=UTC),
    ],
)
def test_the_past_is_refused(fields: Fields, past: datetime) -> None:
    fields.moment("send_at", past)
    assert fields.mistakes == ["send_at is in the past: write a later time, or none for now"]


@pytest.mark.parametrize(
    "extreme",
    [
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
        datetime(2200, 1, 1, tzinfo=UTC),
    ],
)
def test_the_calendars_end_is_a_mistake(fields: Fields, extreme: datetime) -> None:
    assert fields.moment("send_at", extreme) is None
    assert fields.mistakes == ["send_at is after 2199: write a time nearer to now, or none for now"]


@pytest.mark.parametrize(
    "extreme",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=3))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=12))),
    ],
)
def test_the_calendars_beginning_is_a_mistake(fields: Fields, extreme: datetime) -> None:
    assert fields.moment("send_at", extreme) is None
    assert fields.mistakes == ["send_at is at the calendar's beginning: write a later time"]


@pytest.mark.parametrize("raw", ["2026-11-24T12:00:00", 1790000000, NOW.date(), timedelta(1)])
def test_what_is_no_datetime_is_told(fields: Fields, raw: object) -> None:
    assert fields.moment("send_at", raw) is None
    assert fields.mistakes == [f"send_at is {type(raw).__name__}: write a datetime"]


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_any_datetime_is_read_or_told(raw: datetime) -> None:
    fields = make_fields()
    moment = fields.moment("send_at", raw)

    assert fields.mistakes or (moment is not None and moment > NOW)


def test_an_expiry_is_seconds_from_now(fields: Fields) -> None:
    assert fields.expiry(None, None) is None
    assert fields.expiry(300, None) == 300
    assert fields.expiry(0.5, None) == 0.5
    assert fields.expiry(timedelta(minutes=5), None) == 300
    assert fields.expiry(61, NOW + timedelta(seconds=60)) == 61
    assert fields.mistakes == []


@pytest.mark.parametrize(
    "raw",
    [
        0,
        -1,
        True,
        "300",
        math.nan,
        math.inf,
        10**400,
        366 * 86_400 + 1,
        timedelta(0),
        timedelta(367),
    ],
)
def test_a_bad_expiry_is_told(fields: Fields, raw: object) -> None:
    assert fields.expiry(raw, None) is None
    assert fields.mistakes == ["expires_in_s: write seconds or a timedelta above 0, at most a year"]


def test_what_expires_before_it_is_due_is_told(fields: Fields) -> None:
    fields.expiry(60, NOW + timedelta(seconds=60))
    assert fields.mistakes == ["expires_in_s ends before send_at: write more seconds"]
