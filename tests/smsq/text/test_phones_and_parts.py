"""Phones and texts: normal form, parts, masking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.phones_and_parts import (
    Costly,
    Encoding,
    count_parts,
    find_costly,
    find_text_mistake,
    find_ucs2,
    mask_phone,
    normalize_phone,
)

LATIN, EXTENSION, CYRILLIC, EMOJI = "a", "€", "я", "😀"
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


@pytest.mark.parametrize(
    ("text", "count", "encoding", "places"),
    [
        ("", 0, Encoding.GSM7, 0),
        ("a", 1, Encoding.GSM7, 1),
        (LATIN * 160, 1, Encoding.GSM7, 160),
        (LATIN * 161, 2, Encoding.GSM7, 161),
        (LATIN * 306, 2, Encoding.GSM7, 306),
        (LATIN * 307, 3, Encoding.GSM7, 307),
        (LATIN * 1530, 10, Encoding.GSM7, 1530),
        (LATIN * 1531, 11, Encoding.GSM7, 1531),
        (EXTENSION * 80, 1, Encoding.GSM7, 160),
        (EXTENSION * 81, 2, Encoding.GSM7, 162),
        # An escape is not cut from its character: 152 + 2 would be 154 places.
        (LATIN * 152 + EXTENSION + LATIN * 152, 3, Encoding.GSM7, 306),
        (LATIN * 151 + EXTENSION + LATIN * 153, 2, Encoding.GSM7, 306),
        (CYRILLIC * 70, 1, Encoding.UCS2, 70),
        (CYRILLIC * 71, 2, Encoding.UCS2, 71),
        (CYRILLIC * 134, 2, Encoding.UCS2, 134),
        (CYRILLIC * 135, 3, Encoding.UCS2, 135),
        (CYRILLIC * 670, 10, Encoding.UCS2, 670),
        (CYRILLIC * 671, 11, Encoding.UCS2, 671),
        (EMOJI * 35, 1, Encoding.UCS2, 70),
        (EMOJI * 36, 2, Encoding.UCS2, 72),
        # Nor is a pair of surrogates: 66 + 2 would be 68 units.
        (CYRILLIC * 66 + EMOJI + CYRILLIC * 66, 3, Encoding.UCS2, 134),
        (CYRILLIC * 65 + EMOJI + CYRILLIC * 67, 2, Encoding.UCS2, 134),
        (LATIN * 159 + "`", 3, Encoding.UCS2, 160),  # one odd character makes all of it UCS-2
        ("Zażółć", 1, Encoding.UCS2, 6),
        ("Ünïversal", 1, Encoding.UCS2, 9),
        ("Grüße à {tous} [2€]\r\n", 1, Encoding.GSM7, 26),
    ],
)
def test_parts_are_counted_as_they_are_billed(
    text: str, count: int, encoding: Encoding, places: int
) -> None:
    parts = count_parts(text)

    assert (parts.count, parts.encoding, parts.places) == (count, encoding, places)


mixed_texts = st.text("a€я😀ç\n", max_size=400) | st.text(max_size=200)


@given(mixed_texts)
def test_parts_hold_all_places_and_waste_at_most_one_each(text: str) -> None:
    parts = count_parts(text)
    single, each = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}[parts.encoding]

    assert (parts.count == 0) == (text == "")
    assert (parts.count <= 1) == (parts.places <= single)
    if parts.count > 1:
        assert parts.places <= parts.count * each
        assert parts.places > (parts.count - 1) * (each - 1)


@given(mixed_texts, mixed_texts)
def test_a_longer_text_never_takes_fewer_parts(text: str, more: str) -> None:
    assert count_parts(text + more).count >= count_parts(text).count


@pytest.mark.parametrize(
    "text", [LATIN, LATIN * 1530, CYRILLIC * 670, EMOJI * 330, "Код: 4821\nnot spam", " . "]
)
def test_a_good_text_has_no_mistake(text: str) -> None:
    assert find_text_mistake(text) is None


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "text is empty: write at least one character"),
        (" \n\t\u00a0", "text is empty: write at least one character"),
        (LATIN * 1531, "text takes 11 parts: write at most 10 (1530 characters in GSM7)"),
        (CYRILLIC * 671, "text takes 11 parts: write at most 10 (670 characters in UCS2)"),
        (EMOJI * 331, "text takes 11 parts: write at most 10 (670 characters in UCS2)"),
        (
            "code \ud83d",
            "text holds half a character (a lone surrogate): write valid Unicode",
        ),
        ("code\x00", "text holds a NUL character: write the text without it"),
        (None, "text is NoneType: write a string"),
        (4821, "text is int: write a string"),
        (b"code", "text is bytes: write a string"),
    ],
)
def test_a_bad_text_is_told_what_to_write_instead(text: object, mistake: str) -> None:
    assert find_text_mistake(text) == mistake


def test_the_characters_that_cost_are_named_each_once() -> None:
    assert find_costly("Plain words, 100 %") == []
    assert find_costly("5 € [or 6 €]") == [
        Costly("€", 3, forces_ucs2=False),
        Costly("[", 5, forces_ucs2=False),
        Costly("]", 12, forces_ucs2=False),
    ]
    assert find_costly("Don\u2019t pay 5 € \u2013 ever") == [
        Costly("\u2019", 4, forces_ucs2=True),
        Costly("\u2013", 15, forces_ucs2=True),
    ]


@given(st.text(max_size=300))
def test_a_text_without_costly_characters_is_as_long_as_it_looks(text: str) -> None:
    parts, costly = count_parts(text), find_costly(text)

    assert (parts.encoding is Encoding.UCS2) == any(c.forces_ucs2 for c in costly)
    assert costly or parts.places == len(text)
    assert all(text[c.at - 1] == c.character for c in costly)


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("€[ж😀"), max_size=400))
def test_a_text_is_taken_exactly_when_its_parts_are(text: str) -> None:
    is_taken = find_text_mistake(text) is None

    assert is_taken is (bool(text.strip()) and "\x00" not in text and count_parts(text).count <= 10)


@pytest.mark.parametrize("character", ["x", "€", "ж", "😀"])
def test_the_longest_text_is_the_same_whoever_counts(character: str) -> None:
    lengths = [n for n in range(1, 1700) if find_text_mistake(character * n) is None]

    assert lengths == list(range(1, len(lengths) + 1))
    assert count_parts(character * len(lengths)).count == 10
    assert count_parts(character * (len(lengths) + 1)).count == 11


@given(st.text(max_size=50))
def test_what_forces_ucs2_is_found_as_where_it_stands(text: str) -> None:
    assert find_ucs2(text) == {c.character for c in find_costly(text) if c.forces_ucs2}
