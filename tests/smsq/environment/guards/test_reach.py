"""Regions and types of numbers, as settings have them."""

from __future__ import annotations

import pytest

from smsq.environment.guards.reach import parse_kinds, parse_regions


def test_regions_and_types_stand_between_commas() -> None:
    assert parse_regions("BY, PL,BY") == ("BY", "PL")
    assert parse_kinds("mobile,premium") == ("mobile", "premium")
    assert parse_regions("BY,*") == parse_kinds("*") == ("*",)


@pytest.mark.parametrize("written", ["by", "XX", "BY;PL", ","])
def test_what_is_no_region_is_told(written: str) -> None:
    with pytest.raises(ValueError, match=r"BY,PL, or \* for all"):
        parse_regions(written)


def test_what_is_no_type_is_told_with_all_of_them() -> None:
    with pytest.raises(ValueError, match="company, fixed, fixed_or_mobile, global, mobile"):
        parse_kinds("mobile,cheap")
