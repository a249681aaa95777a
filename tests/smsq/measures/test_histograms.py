"""Histograms: percentiles of counts in buckets."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.measures.histograms import BOUNDS_MS, Histogram

TIMES_MS = st.lists(st.integers(0, BOUNDS_MS[-1]), min_size=1, max_size=50)


def place_of(ms: int) -> int:
    return 1 + sum(ms > bound for bound in BOUNDS_MS)


def histogram_of(times_ms: list[int]) -> Histogram:
    counts: dict[int, int] = {}
    for ms in times_ms:
        counts[place_of(ms)] = counts.get(place_of(ms), 0) + 1
    return Histogram(counts, sum(times_ms))


@given(TIMES_MS, st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(times_ms: list[int], share: float) -> None:
    true_ms = sorted(times_ms)[max(0, -int(-share * len(times_ms) // 1) - 1)]
    found_s = histogram_of(times_ms).percentile_s(share)

    assert found_s is not None
    assert place_of(round(found_s * 1000)) == place_of(true_ms)


@given(TIMES_MS)
def test_buckets_add_up_to_the_count(times_ms: list[int]) -> None:
    rows = histogram_of(times_ms).cumulate()
    totals = [total for _, total in rows]

    assert totals == sorted(totals)
    assert rows[-1] == ("+Inf", len(times_ms))
    for bound, total in rows[:-1]:
        assert total == sum(ms <= float(bound) * 1000 for ms in times_ms)


def test_of_nothing_there_is_no_percentile() -> None:
    assert Histogram().percentile_s(0.95) is None


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_what_is_beyond_the_last_bound_is_given_as_that(share: float) -> None:
    assert Histogram({len(BOUNDS_MS) + 1: 3}).percentile_s(share) == BOUNDS_MS[-1] / 1000


def test_python_and_lua_have_the_same_bounds() -> None:
    source = (resources.files("smsq") / "measures/measure.lua").read_text(encoding="utf-8")
    [listed] = re.findall(r"local TIMES_MS = {([^}]*)}", source)
    assert tuple(int(n) for n in listed.split(",")) == BOUNDS_MS
