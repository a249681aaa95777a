"""The simulator's request limit, on a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smsq.simulator.limit import Bucket


def taken(bucket: Bucket, times: list[float], *, rate_per_s: float, burst: int = 1) -> list[bool]:
    return [bucket.take(now_s, rate_per_s=rate_per_s, burst=burst) for now_s in times]


def test_no_rate_is_no_limit() -> None:
    assert all(taken(Bucket(), [5.0] * 1000, rate_per_s=0))


def test_requests_in_time_are_taken_and_others_are_not() -> None:
    assert taken(Bucket(), [7.0, 7.05, 7.1, 7.15, 7.2], rate_per_s=10) == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_a_burst_is_taken_at_once_and_fills_again_with_time() -> None:
    bucket = Bucket()

    assert taken(bucket, [0.0] * 4, rate_per_s=2, burst=3) == [True, True, True, False]
    assert taken(bucket, [1.0] * 3, rate_per_s=2, burst=3) == [True, True, False]
    assert taken(bucket, [100.0] * 4, rate_per_s=2, burst=3) == [True, True, True, False]


def test_a_refused_request_costs_nothing() -> None:
    bucket = Bucket()
    taken(bucket, [0.0] * 1000, rate_per_s=1)

    assert taken(bucket, [1.0], rate_per_s=1) == [True]


def test_a_rate_below_one_is_kept() -> None:
    assert sum(taken(Bucket(), [n / 10 for n in range(1001)], rate_per_s=0.1)) == 11


def test_a_changed_rate_counts_from_its_change() -> None:
    bucket = Bucket()
    taken(bucket, [0.0], rate_per_s=1)

    assert taken(bucket, [0.5], rate_per_s=10) == [True]
    assert taken(bucket, [0.55], rate_per_s=0) == [True]


@given(
    st.lists(st.floats(0, 1), max_size=200),
    st.floats(0.1, 100),
    st.integers(1, 5),
)
def test_no_span_of_time_sees_more_than_the_limit(
    pauses_s: list[float], rate_per_s: float, burst: int
) -> None:
    bucket, now_s, times = Bucket(), 0.0, []
    for pause_s in pauses_s:
        now_s += pause_s
        if bucket.take(now_s, rate_per_s=rate_per_s, burst=burst):
            times.append(now_s)

    for n, first_s in enumerate(times):
        for m, last_s in enumerate(times[n:], start=1):
            assert m <= burst + (last_s - first_s) * rate_per_s + 1e-6
