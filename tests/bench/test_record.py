"""A short measurement is red when a ratio has fallen by more than a quarter, and never else."""

from __future__ import annotations

import json

import pytest

from bench import record
from bench.record import NoRecordError, Spread, find_falls, load_ratios, ratio_by_round, save


@pytest.mark.parametrize(
    ("recorded", "now", "is_red"),
    [
        (4.0, 4.0, False),
        (4.0, 9.0, False),
        (4.0, 3.0, False),
        (4.0, 2.99, True),
        (0.8, 0.59, True),
        (0.8, 0.61, False),
    ],
)
def test_a_ratio_may_fall_by_a_quarter(recorded, now, is_red):
    assert bool(find_falls({"speed": now}, {"speed": recorded})) is is_red


def test_each_fall_says_what_was_and_what_is_and_what_may_be():
    falls = find_falls({"speed": 1.0, "cost": 1.0, "more": 0.1}, {"speed": 2.0, "cost": 1.2})
    assert falls == ["speed: 1.00, recorded 2.00, at least 1.50"]


def test_what_was_not_measured_this_time_has_not_fallen():
    assert find_falls({}, {"speed": 2.0}) == []


def test_a_round_is_compared_with_itself():
    """The second round ran on a machine half as fast, for both sides."""
    assert ratio_by_round([100, 50, 90], [10, 5, 10]) == Spread(10, 9, 10)


def test_a_spread_shows_its_ends_where_there_are_any():
    assert f"{Spread.of([1, 2, 4]):.1f}" == "2.0 (1.0 to 4.0)"
    assert f"{Spread.of([2]):.1f}" == "2.0"


def test_what_is_saved_is_what_is_compared_with(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FOLDER", tmp_path / "performance")
    with pytest.raises(NoRecordError, match=r"run `python -m bench\.peers` first"):
        load_ratios("peers")

    path = save("peers", command="x", load_before=1.5, ratios={"speed": 2}, figures=[1, 2])

    assert load_ratios("peers") == {"speed": 2.0}
    written = json.loads(path.read_text())
    assert (written["is_busy"], written["figures"]) == (True, [1, 2])
