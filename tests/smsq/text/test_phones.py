"""Phones: normal form, masking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.phones import mask_phone, normalize_phone, say_phone_mistake

PHONE_CHARACTERS = "0123456789+-() .\u00a0\u2013\u0663\u0667"
#: From a few digits to one character too many, with what people put between digits.
spellings = st.text(PHONE_CHARACTERS, max_size=24) | st.from_regex(
    r"(\+|00|810)?(375|80|7|44)? ?\(?(29|33|44|25|17)\)? ?[0-9]{3}-?[0-9]{2}-?[0-9]{1,4}",
    fullmatch=True,
)


@pytest.mark.parametrize(
    "written",
    [
        "+375 29 123-45-67",
        "+375 (29) 123 45 67",
        "(+375) 29 123 45 67",
        "+375 (0)29 123 45 67",
        "+375\u00a029\u00a0123\u201345\u201367",
        "  +375291234567\n",
        "375 29 123 45 67",
        "375291234567",
        "00375291234567",
        "8 10 375 29 123 45 67",
        "80 29 123 45 67",
        "8 (029) 123-45-67",
        "8029.123.45.67",
        "029 123 45 67",
        "29 123 45 67",
        "+٣٧٥٢٩١٢٣٤٥٦٧",
    ],
)
def test_a_phone_of_belarus_is_understood_however_it_is_written(written: str) -> None:
    assert normalize_phone(written, "BY") == "375291234567"


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("+7 916 123-45-67", "79161234567"),
        ("007 916 123-45-67", "79161234567"),
        ("79161234567", "79161234567"),
        ("+380 50 123 45 67", "380501234567"),
        ("380501234567", "380501234567"),
        ("+44 7911 123456", "447911123456"),
        ("+1 650 253 0000", "16502530000"),
        ("+291 7 123 456", "2917123456"),
    ],
)
def test_a_foreign_phone_needs_its_country_code(written: str, phone: str) -> None:
    assert normalize_phone(written, "BY") == phone


def test_a_national_phone_is_one_of_the_region() -> None:
    assert normalize_phone("8 916 123-45-67", "RU") == "79161234567"
    assert normalize_phone("8 916 123-45-67", "BY") is None
    assert normalize_phone("80 29 123-45-67", "RU") is None


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "+",
        "-",
        "abc",
        "tel:+375291234567",
        "+375 29 123-45-67 ext. 5",
        "+375 29 123-45-67, +375 29 123-45-68",
        "+375291234567 +375291234568",
        "375+291234567",
        "112",
        "+375 29 123-45-6",
        "+375 29 123-45-678",
        "+375 99 123-45-67",
        "80 29 123-45-6",
        "80 29 123-45-678",
        "29 123-45-6",
        "²375291234567",
        "+375291234567" * 30,
        "1" * 100_000,
    ],
)
def test_what_is_no_phone_is_refused(written: str) -> None:
    assert normalize_phone(written, "BY") is None


@pytest.mark.parametrize("written", ["29 171-23-456", "2917123456", "29 773-12-345"])
def test_a_digit_too_many_does_not_send_a_national_phone_abroad(written: str) -> None:
    assert normalize_phone(written, "BY") is None  # +291 is Eritrea, +297 Aruba


@given(spellings)
def test_an_accepted_phone_is_digits_alone_and_stays_itself(written: str) -> None:
    phone = normalize_phone(written, "BY")
    if phone is None:
        return
    assert phone.isascii()
    assert phone.isdigit()
    assert 7 <= len(phone) <= 15
    assert normalize_phone(f"+{phone}", "BY") == phone


@given(st.text(max_size=40))
def test_any_text_is_a_phone_or_none(written: str) -> None:
    phone = normalize_phone(written, "BY")
    assert phone is None or phone.isdigit()


@given(spellings | st.text(max_size=40) | st.text("0123456789", min_size=16, max_size=3000))
def test_a_mask_is_short_and_hides_most_of_a_phone(written: str) -> None:
    digits = [c for c in written if c.isdigit()]
    masked = mask_phone(written)

    assert len(masked) <= 16
    shown = [c for c in masked if c.isdigit()]
    assert len(shown) in {0, 5}
    assert not digits or len(digits) - len(shown) >= min(len(digits), 3)


def test_a_mask_shows_enough_to_recognise() -> None:
    assert mask_phone("375291234567") == "+375*******67"
    assert mask_phone("112") == "***"


@pytest.mark.parametrize("written", ["+375 10 123-45-67", "+375101234567", "+375(10)123 45 67"])
def test_a_number_of_a_range_that_is_not_known_has_a_way(written: str) -> None:
    assert normalize_phone(written, "BY") is None
    assert "write SMSQ_ACCEPT_UNKNOWN_RANGES=1" in say_phone_mistake(written, "BY")
    assert normalize_phone(written, "BY", accept_unknown=True) == "375101234567"


@pytest.mark.parametrize(
    "written", ["375101234567", "+37510123456", "+375 10 123-45-678", "101234567"]
)
def test_a_range_is_new_only_where_the_number_could_be_one(written: str) -> None:
    """With a plus, and of the right length; a slip of a finger is no new range."""
    assert normalize_phone(written, "BY", accept_unknown=True) is None
    assert "SMSQ_ACCEPT" not in say_phone_mistake(written, "BY")
