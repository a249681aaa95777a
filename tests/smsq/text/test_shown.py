"""Words that are not ours: one line, nothing that acts on a terminal, no phones."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.masked import mask_phones
from smsq.text.shown import clean_line, show, show_cell

ANYTHING = st.text(st.characters(codec=None))
BETWEEN = ["", " ", "-", "\u00a0", ".", " (", ") ", "/", "\u2013", "\u200b", " - ", "\t", "_"]


def digits_of(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


@given(ANYTHING)
def test_shown_words_control_no_terminal_and_are_one_line(text: str) -> None:
    for safe in (show(text), clean_line(text)):
        assert not {unicodedata.category(c) for c in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert len(safe.splitlines()) <= 1
        safe.encode()
    assert clean_line(clean_line(text)) == clean_line(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_words_of_letters_and_signs_stay_as_they_are(text: str) -> None:
    assert show(text) == clean_line(text) == text


def test_what_is_not_seen_is_written_out_for_a_terminal() -> None:
    assert show("\x1b]0;pwned\x07\x1b[2Ja\u202eb\nc\x9b") == (
        "\\x1b]0;pwned\\x07\\x1b[2Ja\\u202eb\\nc\\x9b"
    )
    assert clean_line("\x1b]0;pwned\x07\x1b[2Ja\u202eb\r\nc") == "]0;pwned [2Jab c"


@given(
    phone=st.text("0123456789", min_size=9, max_size=15),
    between=st.lists(st.sampled_from(BETWEEN), min_size=15, max_size=15),
    plus=st.sampled_from(["", "+"]),
    around=st.text("абв \"':;,", max_size=5),
)
def test_a_phone_is_masked_however_it_is_written(
    phone: str, between: list[str], plus: str, around: str
) -> None:
    written = "".join(a + b for a, b in zip(phone, between, strict=False)).rstrip(" -./_(\t")
    shown = mask_phones(f"{around}{plus}{written}{around}")

    assert "*" in shown
    assert len(digits_of(shown)) <= 5


@pytest.mark.parametrize(
    "words",
    [
        "blocked until 2026-11-27, then ask again",
        "since 27.11.2026 10:15",
        "your IP 192.168.100.200 is not in the list",
        "IP address: 10.0.0.255",
        "Error 1007: 30 of 120 parts",
        "code 482913",
        "limit 100 per 60 s, 20 s left",
    ],
)
def test_days_addresses_and_short_numbers_stay(words: str) -> None:
    assert mask_phones(words) == words


@pytest.mark.parametrize("words", ["2026-13-41", "29.123.45.67", "call IP-phone 375291234567"])
def test_what_only_looks_like_a_day_or_an_address_is_masked(words: str) -> None:
    assert "*" in mask_phones(words)


@given(st.sampled_from("=+-@\t\r\uff1d"), ANYTHING)
def test_no_cell_is_a_formula(sign: str, rest: str) -> None:
    cell = show_cell(sign + rest)
    assert cell[0] not in "=@\t\r\n\uff1d"
    assert cell[0] not in "+-" or not any(c.isalpha() or c in "(|'!" for c in cell)


@pytest.mark.parametrize("cell", ["+375*******67", "375291234567", "-5", "Sale", "a=b", ""])
def test_phones_numbers_and_words_stay_as_they_are(cell: str) -> None:
    assert show_cell(cell) == cell


def test_a_formula_is_a_text() -> None:
    assert show_cell("=cmd|' /C calc'!A0") == "'=cmd|' /C calc'!A0"
    assert show_cell(" @SUM(1)") == "' @SUM(1)"
