"""The short way to a phone's normal form comes to the same as the long one."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsq.text.phones import normalize_phone
from smsq.text.usual_spellings import _make_pattern, read_usual

REGIONS = ("BY", "UA", "PL", "LT", "LV", "DE", "GE", "AM", "IL", "TR")


def long_way(raw: str, region: str) -> str | None:
    """What phonenumbers alone says of a number with its country code, with or without plus."""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


@settings(max_examples=300)
@given(
    st.sampled_from(REGIONS),
    st.sampled_from(["", "+"]),
    st.text("0123456789", min_size=4, max_size=11),
    st.sampled_from(["", " ", "-", " (", ") "]),
    st.integers(0, 12),
)
def test_both_ways_come_to_the_same(
    region: str, plus: str, digits: str, between: str, at: int
) -> None:
    whole = f"{phonenumbers.country_code_for_region(region)}{digits}"
    raw = f"{plus}{whole[:at]}{between}{whole[at:]}"

    if (phone := read_usual(raw, region)) is not None:
        assert phone == long_way(raw, region)


@settings(max_examples=200)
@given(st.sampled_from(["25", "29", "33", "44"]), st.integers(0, 9_999_999))
def test_mobile_numbers_at_home_need_no_long_way(code: str, rest: int) -> None:
    raw = f"375{code}{rest:07}"

    assert read_usual(raw, "BY") == long_way(raw, "BY")
    assert read_usual(f"+{raw[:3]} {raw[3:5]} {raw[5:8]}-{raw[8:10]}-{raw[10:]}", "BY") == (
        long_way(raw, "BY")
    )


@pytest.mark.parametrize("raw", ["٣٧٥٢٩١٢٣٤٥٦٧", "375291234567x", "++375291234567", "80291234567"])
def test_anything_else_is_left_to_the_long_way(raw: str) -> None:
    assert read_usual(raw, "BY") is None


@pytest.mark.parametrize("region", ["US", "RU", "KZ", "GB", "001", "ZZ"])
def test_shared_country_codes_are_left_to_the_long_way(region: str) -> None:
    assert _make_pattern(region) is None
    assert normalize_phone("+375291234567", "RU") == "375291234567"
