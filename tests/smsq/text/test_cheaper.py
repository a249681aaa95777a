"""Texts that cost fewer parts: plain characters where they save something, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.cheaper import REPLACEMENTS, shorten
from smsq.text.parts import Encoding, count_parts

WORDS = st.sampled_from(
    [
        *("code 4821", "Łukasz", "O’Brien", "Ваш код", "5 − 3", "1…5", "€"),
        *("https://shop.example/“sale”–2", "www.shop.example/a…b", "shop.example/x–y?z=“1”"),
        *REPLACEMENTS,
    ]
)
texts = st.lists(WORDS, min_size=1, max_size=40).map(" ".join)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Half price” – today… it’s on us" + " now" * 12, '"Half price" - today... it\'s on us'),
        ("Total:\u00a05 €" + " paid" * 15, "Total: 5 €"),
        ("zero\u200bwidth and so\u00adft" + " end" * 15, "zerowidth and soft"),
    ],
)
def test_typographic_characters_become_plain_ones_where_that_saves_parts(
    text: str, plain: str
) -> None:
    assert count_parts(text).encoding is Encoding.UCS2
    assert shorten(text).startswith(plain)
    assert count_parts(shorten(text)).count < count_parts(text).count


@pytest.mark.parametrize(
    "text",
    [
        "Your code is 4821",
        "“Short”",  # one part either way
        "Ваш заказ – “готов”… " * 5,  # Cyrillic travels in UCS-2 all the same
        "Łukasz – come" + " now" * 20,
    ],
)
def test_what_would_save_nothing_stays_as_it_is(text: str) -> None:
    assert shorten(text) == text


def test_a_link_stays_as_it_is() -> None:
    link = "https://shop.example/“sale”–2"

    assert shorten(f"“Sale” – {link}" + " now" * 20) == f"“Sale” – {link}" + " now" * 20
    plain = "https://shop.example/a-b"
    assert shorten(f"“Sale” – {plain}" + " now" * 20).startswith(f'"Sale" - {plain}')


@given(texts)
def test_digits_and_letters_stay_it_never_takes_more_parts_and_once_is_enough(text: str) -> None:
    short = shorten(text)

    assert re.findall(r"\w", short) == re.findall(r"\w", text)
    assert count_parts(short).count <= count_parts(text).count
    assert shorten(short) == short
    for link in re.findall(r"(?:https://|www\.|shop\.example/)\S+", text):
        assert link in short


@pytest.mark.parametrize("name", ["O’Brien", "D’Angelo", "Д’Артаньян"])
def test_a_name_keeps_its_apostrophe(name: str) -> None:
    assert name in shorten(f"“Dear” {name}, don’t wait" + " now" * 20)
    assert "don't" in shorten("Don’t wait, don’t" + " now" * 20)


def test_no_letter_and_no_digit_is_replaced() -> None:
    assert not [c for c in REPLACEMENTS if c.isalnum()]
