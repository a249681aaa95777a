"""Pauses between attempts and between polls."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.backoff import Backoff, PollSchedule, roll

seconds = st.floats(0.01, 86_400)


def test_the_longest_pause_doubles_until_the_most() -> None:
    backoff = Backoff(1, 300, dice=lambda: 1.0)

    pauses = [backoff.pause_s(failures) for failures in range(1, 12)]
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])


def test_the_jitter_keeps_a_tenth() -> None:
    assert Backoff(10, 300, dice=lambda: 0.0).pause_s(1) == pytest.approx(1)
    assert Backoff(10, 300, dice=lambda: 0.5).pause_s(1) == pytest.approx(5.5)


@given(seconds, seconds, st.integers(-5, 10_000), st.floats(0, 1))
def test_a_pause_is_never_zero_nor_above_the_most(
    first_s: float, max_s: float, failures: int, dice: float
) -> None:
    pause_s = Backoff(first_s, max_s, dice=lambda: dice).pause_s(failures)

    assert 0 < pause_s <= max_s * 1.000001
    assert pause_s >= min(first_s, max_s) * 0.0999


def test_a_crowd_that_failed_together_does_not_come_back_together() -> None:
    backoff = Backoff(10, 300)
    pauses = {backoff.pause_s(1) for _ in range(100)}

    assert len(pauses) > 90
    assert all(0 <= roll() < 1 for _ in range(100))


@given(st.data())
def test_polls_come_soon_and_then_whenever_the_age_has_doubled(data: st.DataObject) -> None:
    dice = st.floats(0, 1)
    schedule = PollSchedule(
        first_s=5, max_s=43_200, horizon_s=259_200, dice=lambda: data.draw(dice)
    )
    ages_s = [5.0]
    while (next_s := ages_s[-1] + schedule.pause_s(ages_s[-1])) < schedule.horizon_s:
        ages_s.append(next_s)

    assert all(2.01 < b / a < 2.11 for a, b in pairwise(ages_s[:13]))
    assert max(b - a for a, b in pairwise(ages_s)) == pytest.approx(schedule.max_s)
    assert len(ages_s) <= 18  # requests for one message in three days


def test_messages_accepted_together_are_polled_apart() -> None:
    schedule = PollSchedule(first_s=5, max_s=43_200, horizon_s=259_200)
    pauses_s = [schedule.pause_s(600) for _ in range(100)]

    assert len({round(pause_s) for pause_s in pauses_s}) > 20
    assert all(600 < pause_s <= 660 for pause_s in pauses_s)


@given(st.floats(-10, 1e9), seconds, seconds)
def test_a_poll_is_never_sooner_than_the_first_nor_later_than_the_most(
    age_s: float, first_s: float, max_s: float
) -> None:
    pause_s = PollSchedule(first_s=first_s, max_s=max_s, horizon_s=1).pause_s(age_s)

    assert min(first_s, max_s) <= pause_s <= max_s
