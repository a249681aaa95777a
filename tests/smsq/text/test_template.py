"""Texts with places for columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.errors import InvalidMessageError
from smsq.text.template import find_empty, read_template

words = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=8)


def test_columns_stand_where_their_braces_stood() -> None:
    template = read_template("Dear {name}, your {order} is ready, {name}")

    assert template.columns == ["name", "order"]
    assert template.text is None
    assert template.fill(["Anna", "A-5"]) == "Dear Anna, your A-5 is ready, Anna"


@given(st.lists(words, min_size=1, max_size=5), words)
def test_what_is_filled_in_is_never_read_as_a_template(literals: list[str], value: str) -> None:
    template = read_template("{ c }".join(literals))

    if template.columns:
        assert template.fill(["{c}" + value]) == ("{c}" + value).join(literals)
    else:
        assert template.text == literals[0]


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("plain", "plain"),
        ("a {{b}} c", "a {b} c"),
        ("{{", "{"),
        ("}}", "}"),
        ("a } b", "a } b"),
        ("{{{{x", "{{x"),
        ("", ""),
    ],
)
def test_doubled_braces_are_braces(text: str, shared: str) -> None:
    assert read_template(text).text == shared


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Dear {name", "character 6 is never closed"),
        ("Dear {}", "character 6 holds no column"),
        ("{ }", "character 1 holds no column"),
        ("{a{b}}", "character 1 is never closed"),
    ],
)
def test_a_brace_that_is_no_column_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(InvalidMessageError, match=says) as caught:
        read_template(text)

    assert "{{ for a brace" in str(caught.value)


def test_braces_around_a_column_can_be_written() -> None:
    assert read_template("{{{c}}}").fill(["5"]) == "{5}"


def test_empty_cells_are_told_by_their_columns() -> None:
    assert list(find_empty(["name", "order"], ["", "5"])) == ["name"]
