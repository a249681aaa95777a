"""What is posted is read back as what it was; what a newer version adds does no harm."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.events.events import CampaignEvent, Event, JobEvent, RecipientEvent
from smsq.events.wire import dump_event, load_event
from smsq.models import JobState

#: The stream keeps no smaller parts of a second.
moments = st.integers(0, 2**41).map(
    lambda ms: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
)
recipients = st.builds(RecipientEvent, at=moments)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(JobEvent, at=moments), recipients, st.builds(CampaignEvent, at=moments)
)
JOB = JobEvent(
    id="1-0:0",
    at=datetime(2026, 11, 24, 21, 57, 35, 206000, UTC),
    job_id="j1",
    campaign_id=None,
    old_state=None,
    new_state=JobState.QUEUED,
)


@given(events)
def test_an_event_is_read_back_as_what_it_was(event: Event) -> None:
    posted = json.loads(json.dumps(dump_event(event)))
    assert load_event(posted) == event
    assert load_event(dump_event(event)) == event
    assert json.loads(json.dumps(dump_event(load_event(posted) or JOB))) == posted


@given(events)
def test_fields_of_a_newer_version_are_passed_over(event: Event) -> None:
    assert load_event({**dump_event(event), "mood": {"good": [1]}}) == event


@pytest.mark.parametrize(
    "newer", [{"type": "moon"}, {"new_state": "melted"}, {"old_state": "melted"}]
)
def test_what_only_a_newer_version_knows_is_no_event(newer: dict[str, str]) -> None:
    assert load_event({**dump_event(JOB), **newer}) is None


@given(recipients)
def test_a_field_that_an_older_version_does_not_write_has_its_default(
    event: RecipientEvent,
) -> None:
    document = dump_event(event)
    optional = [field for field in fields(event) if field.default is not MISSING]
    for field in optional:
        del document[field.name]

    loaded = load_event(document)
    assert optional
    assert all(getattr(loaded, field.name) == field.default for field in optional)


@pytest.mark.parametrize(
    "broken",
    [
        {"type": None},
        {"type": ["job"]},
        {"at": 5},
        {"at": "yesterday"},
        {"at": "2026-11-24T21:57:35.206"},
        {"job_id": 7},
        {"job_id": None},
        {"new_state": None},
        {"new_state": 3},
    ],
)
def test_what_is_no_event_says_so(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an event"):
        load_event({**dump_event(JOB), **broken})


@pytest.mark.parametrize("name", ["type", "id", "at", "job_id", "new_state"])
def test_a_field_that_is_missing_is_named(name: str) -> None:
    document = dump_event(JOB)
    del document[name]

    with pytest.raises(ValueError, match=name):
        load_event(document)


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    assert load_event({**dump_event(JOB), "at": "2026-11-25T00:57:35.206+03:00"}) == JOB
