"""What nobody sees, and what spreadsheets add, changes no phone and no text."""

from __future__ import annotations

import unicodedata

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.layout import compose, is_rounded
from smsq.text.parts import count_parts
from smsq.text.phones import normalize_phone, say_phone_mistake, write_phone

PHONE = "375291234567"
UNSEEN = st.sampled_from(
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u202d\u2060\u2066\u2069\ufeff\u00ad"
)
SPACES = st.sampled_from("\u0020\u00a0\u2002\u2007\u2009\u202f\u205f\u3000\t")


@given(st.data())
def test_a_phone_is_the_same_whatever_nobody_sees_in_it(data: st.DataObject) -> None:
    letters = list(data.draw(st.sampled_from(["+375 29 123-45-67", PHONE, "80 29 1234567"])))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(letters)))
        letters.insert(place, data.draw(UNSEEN))
    spaced = [data.draw(SPACES) if letter == " " else letter for letter in letters]

    assert normalize_phone("".join(spaced), "BY") == PHONE


@pytest.mark.parametrize(
    "written",
    [
        *("375291234567.0", "375291234567,00", "+375291234567.0", "3.75291234567E+11"),
        *("3,75291234567e11", '="375291234567"', "'+375291234567", '"375291234567"'),
        *("\uff0b\uff13\uff17\uff15 29 1234567", "+375\u221229\u2212123\u221245\u221267"),
    ],
)
def test_a_phone_survives_its_spreadsheet(written: str) -> None:
    assert normalize_phone(written, "BY") == PHONE


@pytest.mark.parametrize(
    "written", ["3.75291E+11", "3,75291E+11", "3.8E+11", "4E+11", " 3.75E+11 "]
)
def test_a_phone_that_a_spreadsheet_rounded_is_refused_with_what_to_do(written: str) -> None:
    assert normalize_phone(written, "BY") is None
    assert is_rounded(written)
    assert say_phone_mistake(written, "BY") == (
        "phone was rounded by a spreadsheet, its last digits are lost: format the column as text "
        "and enter the phones again"
    )


@given(st.sampled_from(["BY", "RU", "GB", "US", "DE"]), st.data())
def test_what_we_write_is_read_again_wherever(region: str, data: st.DataObject) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    phone = f"{example.country_code}{example.national_number}"
    home = data.draw(st.sampled_from(["BY", region]))

    assert not write_phone(phone).isdigit()
    assert normalize_phone(write_phone(phone), home) == phone


@given(st.integers(10**10, 10**15 - 1), st.integers(1, 14))
def test_a_rounded_phone_is_never_another(number: int, digits: int) -> None:
    """Written in so many digits, it is that number or none."""
    written = f"{number:.{digits}E}"

    assert normalize_phone(written, "BY") in {None, str(number)}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("375291234567\x00", "U+0000"),
        ("+37529\x011234567", "U+0001"),
        ("37529\ue0001234567", "U+E000"),
    ],
)
def test_a_character_that_is_no_layout_is_named(written: str, name: str) -> None:
    assert normalize_phone(written, "BY") is None
    assert name in say_phone_mistake(written, "BY")


def test_letters_and_their_accents_are_counted_together() -> None:
    apart = unicodedata.normalize("NFD", "Café à 5€, à bientôt")

    assert compose(apart) == "Café à 5€, à bientôt"
    assert count_parts(compose("Cafe\u0301 a\u0300 5€")).count == 1


@given(st.text(max_size=40))
def test_a_text_is_composed_once_and_for_all(text: str) -> None:
    assert compose(compose(text)) == compose(text)
    assert unicodedata.normalize("NFD", compose(text)) == unicodedata.normalize("NFD", text)
