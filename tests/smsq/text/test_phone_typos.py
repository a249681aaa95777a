"""A slip of a finger in a number of the region never sends its text to another country."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from smsq.text.phones import normalize_phone, say_phone_mistake

#: What people write before a national number of the region.
TRUNKS = {
    "BY": ["", "80", "0"],
    "RU": ["", "8"],
    "UA": ["", "0"],
    "KZ": ["", "8"],
    "PL": [""],
    "DE": ["", "0"],
    "US": ["", "1"],
}
KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def examples(region: str) -> list[str]:
    found = (phonenumbers.example_number_for_type(region, kind) for kind in KINDS)
    return sorted({str(example.national_number) for example in found if example})


def is_of(digits: str, region: str) -> bool:
    number = phonenumbers.parse(f"+{digits}")
    return phonenumbers.is_valid_number_for_region(number, region)


@st.composite
def numbers(draw: st.DrawFn, region: str) -> str:
    """Any valid number of a region, without its code."""
    example = draw(st.sampled_from(examples(region)))
    kept = draw(st.integers(1, 4))
    size = len(example) - kept
    number = example[:kept] + draw(st.text("0123456789", min_size=size, max_size=size))
    assume(is_of(code_of(region) + number, region))
    return number


def code_of(region: str) -> str:
    return str(phonenumbers.country_code_for_region(region))


def slip(written: str, what: str, at: int) -> str:
    at %= len(written)
    head, tail = written[:at], written[at:]
    if what == "forgotten":
        return head + tail[1:]
    if what == "doubled":
        return head + tail[0] + tail
    return head + tail[:2][::-1] + tail[2:]


@pytest.mark.parametrize("region", TRUNKS)
@given(st.data())
def test_a_digit_forgotten_doubled_or_swapped_stays_in_the_country(
    region: str, data: st.DataObject
) -> None:
    number = data.draw(numbers(region))
    front = data.draw(st.sampled_from([code_of(region), *TRUNKS[region]]))
    what = data.draw(st.sampled_from(["forgotten", "doubled", "swapped"]))
    written = slip(front + number, what, data.draw(st.integers(0, 20)))
    # Where landlines have any length, a 0 typed twice cannot be told from 00.
    assume(region != "DE" or not written.startswith("00"))

    phone = normalize_phone(written, region)
    assert phone is None or is_of(phone, region)


@given(st.data(), st.sampled_from(sorted(TRUNKS)), st.sampled_from(["+", "+ ", "00"]))
def test_a_number_that_says_it_is_foreign_is_taken(
    data: st.DataObject, home: str, front: str
) -> None:
    abroad = data.draw(st.sampled_from(["BY", "RU", "UA", "PL", "GB", "TR", "UZ", "AE"]))
    digits = code_of(abroad) + data.draw(numbers(abroad))

    assert normalize_phone(f"{front}{digits}", home) == digits


@pytest.mark.parametrize(
    ("written", "region", "phone"),
    [
        ("79161234567", "BY", "79161234567"),
        ("380501234567", "BY", "380501234567"),
        ("48512345678", "BY", "48512345678"),
        ("998901234567", "BY", "998901234567"),
        ("905321234567", "RU", "905321234567"),
        ("375291234567", "RU", "375291234567"),
        ("77011234567", "RU", "77011234567"),
        ("375291234567", "UA", "375291234567"),
        ("447911123456", "PL", "447911123456"),
    ],
)
def test_a_country_code_without_a_mark_is_taken_where_nothing_of_ours_is_near(
    written: str, region: str, phone: str
) -> None:
    assert normalize_phone(written, region) == phone


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("35292312281", "BY"),  # 375 29 ... without its 7; +352 is Luxembourg
        ("35254772067", "BY"),  # the same of one that is not given out
        ("29059581", "BY"),  # 29 059 58 1.; +290 is Saint Helena
        ("2545575503", "BY"),  # 25 455 75 50 and a digit more; +254 is Kenya
        ("9606888291", "BY"),  # a Russian mobile number; +960 are the Maldives
        ("298583701", "RU"),  # a Belarusian one; +298 are the Faroe Islands
        ("4312345", "BY"),  # a landline in Minsk; +43 is Austria
        ("7011234567", "RU"),  # 7 901 ... without its 9; Kazakhstan has 7, too
        ("3065551234", "US"),  # 360 ... with two digits swapped; 306 is in Canada
        ("0 0 67 123 45 67", "UA"),
    ],
)
def test_what_is_near_a_number_of_ours_is_asked_about(written: str, region: str) -> None:
    assert normalize_phone(written, region) is None
    if region != "UA":
        assert "write it with + and country code" in say_phone_mistake(written, region)
        assert written[3:8] not in say_phone_mistake(written, region)


def test_what_is_no_number_anywhere_is_told_otherwise() -> None:
    assert "is not valid: write it like" in say_phone_mistake("12", "BY")
    assert "is not valid: write it like" in say_phone_mistake("+375 29 123-45", "BY")
