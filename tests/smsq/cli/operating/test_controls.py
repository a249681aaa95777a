"""`smsq pause`, `resume`, `rate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smsq.environment.who import who_am_i
from tests.smsq.cli.conftest import Smsq


def test_a_pause_holds_until_resume(smsq_json: Callable[..., Any]) -> None:
    assert smsq_json("pause")["closed_for_s"] == 1e9
    assert smsq_json("stats")["rate"]["closed_for_s"] == 1e9
    assert smsq_json("resume")["closed_for_s"] == 0


def test_a_pause_says_who_made_it(smsq: Smsq) -> None:
    assert f"paused by {who_am_i()}" in smsq("pause").stdout
    assert f"paused by {who_am_i()}" in smsq("stats").stdout
    assert "gate open" in smsq("resume").stdout


def test_a_rate_is_in_force_until_the_default_is(smsq: Smsq, smsq_json: Callable[..., Any]) -> None:
    told = smsq_json("rate", "25")
    assert told == {"ceiling_per_s": 25, "current_per_s": 25, "closed_for_s": 0}
    assert f"set by {who_am_i()}" in smsq("stats").stdout

    assert smsq_json("rate", "default")["ceiling_per_s"] == 10


@pytest.mark.parametrize("rate", ["0", "fast", "-3", "nan", ""])
def test_a_rate_that_is_none_says_what_to_write(smsq: Smsq, rate: str) -> None:
    result = smsq("rate", "--", rate)

    assert result.exit_code == 2
    assert "write a number" in result.stderr
