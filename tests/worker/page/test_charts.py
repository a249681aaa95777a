"""Charts: shapes that stand for numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.page.charts import HEIGHT, WIDTH, draw_lines, round_up, stack

AMOUNTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=30)


@given(st.floats(1e-6, 1e9))
def test_the_top_of_a_scale_is_above_all_and_not_far(number: float) -> None:
    top = round_up(number)
    assert number * (1 - 1e-9) <= top <= 2.5 * number


@given(AMOUNTS, st.data())
def test_bars_are_as_high_as_what_they_stand_for(ours: list[int], data: st.DataObject) -> None:
    size = len(ours)
    theirs = data.draw(st.lists(st.integers(0, 10**6), min_size=size, max_size=size))
    chart = stack({"accepted": ours, "busy": theirs})

    for bar in chart.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH + 0.2
        assert bar.y >= -0.2
        assert bar.y + bar.height <= HEIGHT + 0.2
    drawn = sum(bar.height for bar in chart.bars)
    assert drawn == pytest.approx(
        (sum(ours) + sum(theirs)) / chart.top * HEIGHT, abs=0.1 * size + 1
    )


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    [line] = draw_lines({"p95": [1.0, 2.0, None, 4.0]}).lines
    assert [len(piece.split()) for piece in line.pieces] == [2, 2]


def test_of_nothing_nothing_is_drawn() -> None:
    assert stack({}).bars == []
    assert draw_lines({"p95": [None, None]}).lines[0].pieces == []
