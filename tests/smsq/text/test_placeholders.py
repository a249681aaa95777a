"""Places for columns as other tools write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.placeholders import Placeholders, squash

COLUMNS = ["phone", "First name", "order", "Имя"]
#: What other tools put around a name.
MARKS = [
    ("{{", "}}"),
    ("{{ ", " }}"),
    ("{{{", "}}}"),
    ("{{", "}"),
    ("{", "}}"),
    ("${", "}"),
    ("%{", "}"),
    ("$(", ")"),
    ("%(", ")s"),
    ("%", "%"),
    ("%%", "%%"),
    ("[", "]"),
    ("[[", "]]"),
    ("((", "))"),
    ("<", ">"),
    ("<<", ">>"),
    ("<%= ", " %>"),
    ("«", "»"),
    ("#", "#"),
    ("@", "@"),
    ("*|", "|*"),
    ("{{customer.", "}}"),
    ("{{ ", " | title }}"),
]
spellings = st.sampled_from(COLUMNS).flatmap(
    lambda name: st.sampled_from(
        [name, name.upper(), name.lower(), name.replace(" ", "_"), name.replace(" ", "")]
    )
)
#: Text around a place that ends and begins with a blank, so that it is no part of it.
around = st.text("жя Zz09.,!?-", max_size=12)


@given(st.sampled_from(MARKS), spellings, around, around)
def test_a_column_in_another_tools_marks_is_found(
    marks: tuple[str, str], name: str, before: str, after: str
) -> None:
    text = f"{before} {marks[0]}{name}{marks[1]} {after}"
    found = Placeholders(COLUMNS).find(text)

    assert found
    assert squash(found.column) == squash(name)
    assert found.column in COLUMNS
    assert found.written in text


@given(st.sampled_from(MARKS), st.text("qwxyz", min_size=1, max_size=8), around)
def test_what_names_no_column_is_left_alone(marks: tuple[str, str], name: str, text: str) -> None:
    assert Placeholders(COLUMNS).find(f"{text} {marks[0]}{name}{marks[1]} {text}") is None


@given(st.lists(st.sampled_from(COLUMNS) | around.map(lambda text: f" {text} "), max_size=6))
def test_our_own_places_are_none_of_others(pieces: list[str]) -> None:
    text = "".join(f"{{{piece}}}" if piece in COLUMNS else piece for piece in pieces)

    assert Placeholders(COLUMNS).find(text) is None
    has_place = any(piece in COLUMNS for piece in pieces)
    assert bool(Placeholders(COLUMNS, with_own=True).find(text)) == has_place


@pytest.mark.parametrize(
    "text",
    [
        "order",
        "Order #{order} is ready",
        "50% off the order, 30% off the rest",
        "100 % {order} %",
        "{order} | {phone} | end",
        "### {order} ###",
        "{{: {order}",
        "[{order}] <{phone}> «{Имя}»",
        "$5 [Sale] <b> {{x}}",
        "1 < 2, order > 3",
    ],
)
def test_ordinary_marks_are_no_places(text: str) -> None:
    assert Placeholders(COLUMNS).find(text) is None


@given(st.text(max_size=200))
def test_any_text_is_looked_through(text: str) -> None:
    found = Placeholders(COLUMNS, with_own=True).find(text)
    assert found is None or text[found.at - 1 :].startswith(found.written)
