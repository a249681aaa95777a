"""`smsq unknown`, `smsq dead`, `smsq why`: an operator at night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.settings import Settings
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import PLAN, World

UNKNOWN = Verdict(state=JobState.UNKNOWN, error="no answer", error_class="unknown")
DEAD = Verdict(state=JobState.DEAD, error="gave up: 500", error_class="temporary")
Json = Callable[..., Any]


@pytest.fixture
def make(settings: Settings, world: World) -> Callable[[Verdict], str]:
    """Makes a stuck job."""

    def make_one(verdict: Verdict) -> str:
        job = world.enqueue()
        world.claims.settle(world.claim(job), verdict, PLAN)
        return job

    return make_one


def test_unknown_jobs_are_listed_and_decided(
    smsq_json: Json, make: Callable[[Verdict], str]
) -> None:
    first, second, third = make(UNKNOWN), make(UNKNOWN), make(UNKNOWN)
    listed = smsq_json("unknown", "list")["jobs"]
    assert {job["id"] for job in listed} == {first, second, third}
    assert listed[0]["error"] == "no answer"

    assert smsq_json("unknown", "resend", first, "--why", "asked")["state"] == "queued"
    assert smsq_json("unknown", "settle", second, "accepted")["state"] == "accepted"
    assert smsq_json("unknown", "settle", third, "failed")["state"] == "rejected"
    assert smsq_json("unknown", "list") == {"jobs": []}
    assert smsq_json("status", third)["state"] == "rejected"


@pytest.mark.parametrize("columns", ["40", "80"])
def test_an_id_is_never_broken_so_that_it_can_be_copied(
    smsq: Smsq, make: Callable[[Verdict], str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    jobs = [make(replace(UNKNOWN, error="no answer after the request was written " * 4))]
    monkeypatch.setenv("COLUMNS", columns)

    words = smsq("unknown", "list").stdout.split()
    assert set(jobs) <= set(words)


def test_the_timeline_says_who_and_why(smsq: Smsq, make: Callable[[Verdict], str]) -> None:
    job = make(UNKNOWN)
    smsq("unknown", "resend", job, "--why", "the customer called")

    told = smsq("why", job).stdout
    assert "attempt 1" in told
    assert "operator: resend by " in told
    assert "the customer called" in told
    assert smsq("why", "jnope").exit_code == 4


def test_dead_jobs_are_retried_one_by_one_or_together(
    smsq_json: Json, make: Callable[[Verdict], str]
) -> None:
    first, second = make(DEAD), make(DEAD)
    assert smsq_json("dead", "retry", "--all", "--dry-run") == {
        "retried": 2,
        "refused": [],
        "dry_run": True,
    }
    assert len(smsq_json("dead", "list", "--error", "temporary")["jobs"]) == 2
    assert smsq_json("dead", "list", "--error", "not_sent") == {"jobs": []}

    assert smsq_json("dead", "retry", first)["retried"] == 1
    assert smsq_json("dead", "retry", "--error", "temporary")["retried"] == 1
    assert smsq_json("status", second)["state"] == "queued"
    assert smsq_json("dead", "show", first)["timeline"][-1]["what"] == "queued"


def test_what_cannot_be_retried_is_said_and_the_rest_goes_on(
    smsq_json: Json, make: Callable[[Verdict], str]
) -> None:
    good, bad = make(DEAD), make(UNKNOWN)

    told = smsq_json("dead", "retry", bad, "jnope", good, exit_code=5)
    assert told["retried"] == 1
    assert [row["id"] for row in told["refused"]] == [bad, "jnope"]


@pytest.mark.parametrize(
    "args", [("retry",), ("retry", "--all", "--error", "x"), ("retry", "--all", "--per-s", "0")]
)
def test_a_retry_of_nothing_in_particular_is_refused(smsq: Smsq, args: tuple[str, ...]) -> None:
    result = smsq("dead", *args)

    assert result.exit_code == 2
    assert "write" in result.stderr


def test_nothing_stuck_is_said_in_words(smsq: Smsq) -> None:
    assert smsq("unknown", "list").stdout == "no job is unknown\n"
    assert smsq("dead", "list").stdout == "no job is dead\n"
