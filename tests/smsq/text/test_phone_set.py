"""Which phones came already."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.text.phone_set import SeenPhones

pytestmark = pytest.mark.long

# Close together, so that blocks fill up and phones come twice; and anywhere.
phones = st.integers(375_290_000_000, 375_290_003_000) | st.integers(1, 10**15 - 1)


@given(st.lists(phones, max_size=40), st.integers(0, 2000), st.integers(1, 97))
def test_a_phone_is_new_exactly_once(some: list[int], crowd: int, apart: int) -> None:
    seen, known = SeenPhones(), set()
    for phone in [*some, *(375_290_000_000 + i * apart for i in range(crowd)), *some]:
        assert seen.add(phone) is (phone not in known)
        known.add(phone)

    seen.clear()
    assert all(seen.add(phone) for phone in known)


def test_a_hundred_thousand_phones_of_a_country_take_little() -> None:
    tracemalloc.start()
    seen = SeenPhones()
    for i in range(100_000):
        seen.add(375_290_000_000 + i * 7919 % 10_000_000)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 2_000_000  # a set takes ten million
