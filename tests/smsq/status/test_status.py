"""What a caller gets back."""

from __future__ import annotations

import pytest

from smsq.models import FINAL_JOB_STATES, JobState, Kind
from smsq.status.status import Status


@pytest.mark.parametrize("state", JobState)
def test_a_status_is_final_when_nothing_more_happens_by_itself(state: JobState) -> None:
    status = Status(
        id="j1", kind=Kind.QUICK, state=state, attempts=1, error=None, counts={}, messages=[]
    )

    assert status.is_final is (state in FINAL_JOB_STATES)
    # What may have been accepted can still be told by a receipt.
    assert state is not JobState.UNKNOWN or not status.is_final
