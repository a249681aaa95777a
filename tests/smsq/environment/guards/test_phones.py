"""A list of phones in a setting: any usual spelling with a +, or what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.environment.guards.phones import parse_phones

phones = st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True)


def test_phones_stand_between_commas_in_any_usual_spelling_and_count_once() -> None:
    written = "+375 29 123-45-67, +375291234567,\u00a0+1 (202) 555-0100,"

    assert parse_phones(written) == ("375291234567", "12025550100")


@pytest.mark.parametrize(
    "written",
    ["375291234567", "80291234567", "+375", "+375291234567;+375291234568", "+37529123456x", "*"],
)
def test_what_is_no_phone_is_told_by_its_place_and_not_repeated(written: str) -> None:
    with pytest.raises(ValueError, match=r"phone 2 is none: write phones with \+") as raised:
        parse_phones(f"+375291234567,{written}")

    assert "8029" not in str(raised.value).replace("+375291234567,+375297654321", "")


@given(st.lists(phones, unique=True, max_size=20))
def test_phones_come_back_in_order(some: list[str]) -> None:
    assert parse_phones(", ".join(f"+{phone}" for phone in some)) == tuple(some)


def test_a_sandbox_of_a_thousand_phones_is_the_largest() -> None:
    many = ",".join(f"+3752910{i:05}" for i in range(1001))

    with pytest.raises(ValueError, match="at most 1,000"):
        parse_phones(many)
