"""Rings as they come out of the broker: whatever is written there, no thread is lost over it."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.names import RING_MAX_JOBS, Task
from tasks.rung import read_ids

JOB = "j0123456789abcdef"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
TASKS = [Task.SEND_QUICK, Task.SEND_BULK, Task.POLL_MESSAGE]


def test_ids_of_ours_are_taken_as_they_are() -> None:
    assert read_ids(Task.SEND_QUICK, [JOB]) == [JOB]
    assert read_ids(Task.POLL_MESSAGE, [f"{JOB}:1", f"{JOB}:2"]) == [f"{JOB}:1", f"{JOB}:2"]
    assert len(read_ids(Task.SEND_BULK, [JOB] * RING_MAX_JOBS)) == RING_MAX_JOBS


@pytest.mark.parametrize(
    "ids",
    [
        *(None, JOB, {JOB: 1}, [None], [True], [[JOB]], [f"{JOB}:1"], [JOB, 7]),
        *([JOB.upper()], [f"{JOB}\n"], ["j" * 17], [JOB] * (RING_MAX_JOBS + 1)),
    ],
)
def test_anything_else_is_dropped_with_one_line(
    ids: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert read_ids(Task.SEND_QUICK, ids) == []

    assert len(caplog.records) == 1


@given(st.sampled_from(TASKS), json_values)
def test_no_json_raises(task: Task, ids: object) -> None:
    taken = read_ids(task, ids)

    assert list(taken) in ([], ids)
