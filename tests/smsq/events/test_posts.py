"""What a receiver's answer means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smsq.events.posts import Answer, judge

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Answer.TAKEN),
        (204, Answer.TAKEN),
        (299, Answer.TAKEN),
        (302, Answer.FAILED),
        (400, Answer.FAILED),
        (404, Answer.FAILED),
        (410, Answer.GONE),
        (413, Answer.TOO_LARGE),
        (429, Answer.FAILED),
        (500, Answer.FAILED),
        (503, Answer.FAILED),
    ],
)
def test_an_answer_is_what_its_status_says(status: int, answer: Answer) -> None:
    posted = judge(status, {"Retry-After": "5"}, now=NOW)

    assert posted.answer is answer
    assert posted.error == ("" if answer is Answer.TAKEN else posted.error)
    assert posted.hold_s == (5 if answer is Answer.FAILED else 0)


@pytest.mark.parametrize(
    ("header", "hold_s"),
    [
        ("120", 120),
        ("0", 0),
        ("86400", 3600),
        ("Tue, 24 Nov 2026 12:02:00 GMT", 120),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("Thu, 24 Nov 2039 11:00:00 GMT", 3600),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(header: str, hold_s: float) -> None:
    assert judge(503, {"Retry-After": header}, now=NOW).hold_s == hold_s
