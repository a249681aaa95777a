"""A caller's own names: what is taken, and that it comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.own_names import OwnNames, check_reference, check_tags, read_own_names

lines = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)


@given(lines.map(lambda text: text[:64]), st.lists(lines.map(lambda text: text[:32]), max_size=9))
def test_what_is_taken_is_kept_as_it_was(reference: str, tags: list[str]) -> None:
    try:
        names = OwnNames(check_reference(reference), check_tags(tags))
    except ValueError:
        return
    assert names.reference == reference
    assert read_own_names(names.pack()) == names


def test_a_ledger_without_names_has_none() -> None:
    assert read_own_names(None) == read_own_names("") == OwnNames()
    assert OwnNames().pack() == ""


def test_tags_alone_are_kept() -> None:
    names = OwnNames(None, ("otp",))

    assert read_own_names(names.pack()) == names


def test_a_whole_number_is_a_reference_as_it_is_written() -> None:
    assert check_reference(4711) == "4711"


@pytest.mark.parametrize(
    "wrong", ["", " ", "a" * 65, "a\nb", "\x00", "\ud800", "a\u2028b", 1.5, True, b"a"]
)
def test_what_is_no_reference_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="reference"):
        check_reference(wrong)


@pytest.mark.parametrize(
    "wrong",
    ["otp", None, 3, [""], ["a" * 33], ["a,b"], ["a;b"], ["a\n"], [3], [["a"]], list("abcdef")],
)
def test_what_are_no_tags_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="tags"):
        check_tags(wrong)


def test_a_tag_that_is_written_twice_counts_once() -> None:
    assert check_tags(["a", "b", "a"]) == ("a", "b")


def test_a_repr_shows_no_names() -> None:
    assert "order" not in repr(OwnNames("order-1", ("order",)))
