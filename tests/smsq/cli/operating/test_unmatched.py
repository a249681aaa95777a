"""`smsq unmatched` and `smsq attach`: ids that no receipt told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState, Kind
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import PLAN, World

Json = Callable[..., Any]


@pytest.fixture
def job(world: World) -> str:
    """An accepted job that no receipt came for."""
    made = world.enqueue(kind=Kind.BULK)
    world.claims.settle(world.claim(made), Verdict(state=JobState.ACCEPTED), PLAN)
    return made


def test_an_unmatched_job_is_listed_and_mended(smsq_json: Json, job: str) -> None:
    [listed] = smsq_json("unmatched")["jobs"]
    assert (listed["id"], listed["names"], listed["receipts"]) == (job, ["Sale"], 0)
    assert listed["since"].endswith("+00:00")

    told = smsq_json("attach", job, "Sale", "501", "--why", "asked support")
    assert told == {"id": job, "name": "Sale", "message_id": 501, "more": 0}
    assert smsq_json("unmatched") == {"jobs": []}
    assert smsq_json("status", job)["messages"][0]["message_id"] == 501


def test_a_person_reads_it_in_words(smsq: Smsq, job: str) -> None:
    shown = smsq("unmatched").stdout
    assert job in shown
    assert "Sale" in shown

    assert smsq("attach", job, "Sale", "501").stdout == (
        f"message Sale of {job} is 501, and will be polled\n"
    )
    assert smsq("unmatched").stdout == "every accepted message has its id, or may still get one\n"


@pytest.mark.parametrize(
    ("args", "exit_code"),
    [
        (("jnope", "Sale", "5"), 4),
        (("JOB", "Nobody", "5"), 2),
        (("JOB", "Sale", "0"), 2),
        (("JOB", "Sale", "five"), 2),
    ],
)
def test_what_cannot_be_attached_is_said(
    smsq: Smsq, job: str, args: tuple[str, ...], exit_code: int
) -> None:
    result = smsq("attach", *(job if arg == "JOB" else arg for arg in args))

    assert result.exit_code == exit_code
    assert result.stderr
