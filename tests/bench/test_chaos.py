"""Chaos in small: one killed worker, and a reckoning that sees what is doubled or lost."""

from __future__ import annotations

import pytest

from bench.chaos import kill_workers
from bench.producer import Load, Sms
from bench.tally import Fate, judge
from smsq.models import JobState

SMS: Sms = ("375291234567", "code 1")
OTHER: Sms = ("375291234568", "code 1")


@pytest.mark.real_redis
@pytest.mark.slow  # `make chaos` has ten rows of them
def test_a_worker_killed_under_load_loses_and_doubles_nothing() -> None:
    row = kill_workers(Load(jobs=200, per_s=100), times=1, workers=2, timeout_s=1)

    assert len(row.tally.fates) == 200
    assert row.tally.count(Fate.TWICE) == row.tally.count(Fate.LOST) == 0
    assert row.holds, row.remark


@pytest.mark.parametrize(
    ("state", "book", "fate"),
    [
        (JobState.ACCEPTED, {SMS: 1, OTHER: 1}, Fate.ONCE),
        (JobState.DONE, {SMS: 1, OTHER: 1}, Fate.ONCE),
        (JobState.DONE, {SMS: 1, OTHER: 2}, Fate.TWICE),
        (JobState.UNKNOWN, {SMS: 2, OTHER: 2}, Fate.TWICE),
        (JobState.UNKNOWN, {SMS: 1, OTHER: 1}, Fate.UNKNOWN),
        (JobState.UNKNOWN, {}, Fate.UNKNOWN),
        (JobState.DONE, {SMS: 1}, Fate.LOST),
        (JobState.QUEUED, {}, Fate.LOST),
        (JobState.QUEUED, {SMS: 1, OTHER: 1}, Fate.LOST),
        (JobState.DEAD, {}, Fate.LOST),
        (None, {SMS: 1, OTHER: 1}, Fate.LOST),
    ],
)
def test_each_job_has_one_fate(state: JobState | None, book: dict[Sms, int], fate: Fate) -> None:
    assert judge(state, [SMS, OTHER], book) is fate


def test_what_was_called_off_must_not_be_in_the_book() -> None:
    called_off = {JobState.CANCELLED}
    assert judge(JobState.CANCELLED, [SMS], {}, called_off) is Fate.UNSENT
    assert judge(JobState.CANCELLED, [SMS], {SMS: 1}, called_off) is Fate.LOST
    assert judge(JobState.EXPIRED, [SMS], {}, called_off) is Fate.LOST
