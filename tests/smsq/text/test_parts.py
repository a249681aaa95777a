"""Texts: parts, the characters that cost, mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.parts import Costly, Encoding, count_parts, find_costly, find_text_mistake, find_ucs2

LATIN, EXTENSION, CYRILLIC, EMOJI = "a", "€", "я", "😀"


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
