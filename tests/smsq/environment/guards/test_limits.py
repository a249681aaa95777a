"""Limits of messages for one phone, as the setting has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.environment.guards.limits import parse_limits

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
limits = st.tuples(st.integers(1, 1000), st.integers(1, 30), st.sampled_from(sorted(UNITS)))


@given(st.lists(limits, min_size=1, max_size=5))
def test_limits_are_read_in_seconds(some: list[tuple[int, int, str]]) -> None:
    written = ", ".join(f"{most}/{n}{unit}" for most, n, unit in some)

    assert parse_limits(written) == tuple((most, n * UNITS[unit]) for most, n, unit in some)


def test_none_is_zero() -> None:
    assert parse_limits("0") == ()


@pytest.mark.parametrize(
    "written", ["10", "10/h", "0/1h", "10/0h", "1001/1h", "10/31d", "10/1w", "-1/1h", ",", "٣/1h"]
)
def test_what_is_no_limit_is_told_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match="10/1h"):
        parse_limits(written)


def test_more_than_five_are_too_many() -> None:
    with pytest.raises(ValueError, match="1 to 5 limits"):
        parse_limits(",".join(["1/1h"] * 6))
