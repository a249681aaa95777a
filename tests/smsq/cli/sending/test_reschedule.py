"""`smsq reschedule`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import Smsq


def test_the_command_reschedules(
    smsq: Smsq, smsq_json: Callable[..., Any], queue: SmsQueue
) -> None:
    job = queue.send_quick("375291234567", "code", send_at=datetime.now(UTC) + timedelta(minutes=1))

    assert smsq_json("reschedule", job, "2190-01-01T10:00") == {"id": job, "state": "waiting"}
    said = smsq("reschedule", job, "2190-01-02T10:00").stdout
    assert said == f"{job} will be sent at 2190-01-02 10:00:00+03:00\n"
    # Written in another zone, it is said in the reader's.
    said = smsq("reschedule", job, "2190-01-02T10:00+00:00").stdout
    assert said == f"{job} will be sent at 2190-01-02 13:00:00+03:00\n"
    assert smsq("reschedule", job, "2020-01-01T10:00").exit_code == 2
    assert smsq("reschedule", "j0", "2190-01-01T10:00").exit_code == 4
