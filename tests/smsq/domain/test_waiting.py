"""How long a message waits, by what is before it and how fast the line moves."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.waiting import CLASSES, Line, promise

counts = st.fixed_dictionaries({name: st.integers(0, 1000) for name in (*CLASSES, "poll")})


def line(per_s: float = 10, closed_s: float = 0, share: float = 0.2, **ready: int) -> Line:
    return Line(ready=ready, per_s=per_s, poll_share=share, closed_s=closed_s)


def test_behind_a_campaign_a_code_has_the_next_slot() -> None:
    found = promise("urgent", line(bulk=1_000_000))

    assert found.p50_s == pytest.approx(0.07)
    assert found.p95_s == pytest.approx(0.115)


def test_what_is_before_it_goes_first() -> None:
    assert promise("urgent", line(urgent=100)).p50_s == pytest.approx(10.07)
    assert promise("normal", line(urgent=50, normal=50)).p50_s == pytest.approx(10.07)
    assert promise("bulk", line(urgent=50, normal=50, bulk=100)).p50_s == pytest.approx(20.07)


def test_while_the_gate_is_closed_nothing_goes() -> None:
    assert promise("urgent", line(closed_s=30)).p50_s > 30
    assert math.isinf(promise("urgent", line(closed_s=math.inf, bulk=5)).p95_s)


def test_where_nothing_waits_it_is_as_in_the_last_hour() -> None:
    seen = Line(ready={}, per_s=10, poll_share=0.2, seen=(100, 0.03, 0.4))
    few = Line(ready={}, per_s=10, poll_share=0.2, seen=(3, 9.0, 9.0))

    assert (promise("urgent", seen).p50_s, promise("urgent", seen).p95_s) == (0.03, 0.4)
    assert promise("urgent", few).p95_s < 0.1


@given(counts, st.floats(0.1, 1000), st.floats(0, 0.9))
def test_the_more_urgent_never_waits_longer_and_most_wait_no_shorter_than_half(
    ready: dict[str, int], per_s: float, share: float
) -> None:
    found = [promise(name, Line(ready=ready, per_s=per_s, poll_share=share)) for name in CLASSES]

    # But that one slot in ten is for those behind it.
    assert found[0].p95_s <= found[2].p95_s / 0.9 + 1e-9
    assert all(0 < one.p50_s <= one.p95_s for one in found)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_slots_are_as_they_come_where_polls_take_a_share_of_them(share: float) -> None:
    """A simulated line: each slot is a poll's with that chance."""
    dice, waits = random.Random(1), []
    for _ in range(20_000):
        slots = dice.random()
        while dice.random() < share:
            slots += 1
        waits.append(slots / 10)
    waits.sort()

    found = promise("urgent", line(share=share, bulk=1, poll=1))
    assert found.p50_s - 0.02 == pytest.approx(waits[10_000], rel=0.1, abs=0.01)
    assert found.p95_s - 0.02 == pytest.approx(waits[19_000], rel=0.1, abs=0.01)
