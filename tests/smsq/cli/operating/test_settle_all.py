"""`smsq unknown settle-all`: one decision for many jobs whose answer was lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState, Settlement
from smsq.operate.stuck_job import Rule
from smsq.operate.stuck_jobs import StuckJobs
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import PLAN, World

Json = Callable[..., Any]


def make_unknown(world: World, error_class: str = "unknown") -> str:
    job = world.enqueue()
    verdict = Verdict(state=JobState.UNKNOWN, error="no answer", error_class=error_class)
    world.claims.settle(world.claim(job), verdict, PLAN)
    return job


@pytest.mark.parametrize(
    ("settlement", "state"), [("accepted", "accepted"), ("failed", "rejected")]
)
def test_all_are_settled_and_each_says_who_and_why(
    smsq: Smsq, smsq_json: Json, world: World, settlement: str, state: str
) -> None:
    jobs = [make_unknown(world) for _ in range(3)]
    said = smsq_json("unknown", "settle-all", settlement, "--all", "--why", "the provider's book")

    assert said == {"settled": 3, "refused": [], "dry_run": False}
    assert {world.state(job) for job in jobs} == {state}
    for job in jobs:
        assert "the provider's book" in smsq("why", job).stdout


def test_a_dry_run_settles_nothing(smsq: Smsq, world: World) -> None:
    job = make_unknown(world)

    assert smsq("unknown", "settle-all", "failed", "--all", "--dry-run").stdout == (
        "1 job to be settled\n"
    )
    assert world.state(job) is JobState.UNKNOWN


def test_a_rule_leaves_out_all_others(smsq_json: Json, world: World) -> None:
    early, late = make_unknown(world), make_unknown(world, error_class="crashed")
    [listed] = [j for j in smsq_json("unknown", "list")["jobs"] if j["id"] == late]

    assert smsq_json("unknown", "settle-all", "failed", "--error", "crashed")["settled"] == 1
    assert (world.state(early), world.state(late)) == (JobState.UNKNOWN, JobState.REJECTED)
    before = (datetime.fromisoformat(listed["since"]) - timedelta(hours=1)).isoformat()
    assert smsq_json("unknown", "settle-all", "failed", "--until", before)["settled"] == 0
    assert smsq_json("unknown", "settle-all", "failed", "--since", before)["settled"] == 1


def test_of_a_campaign_only_its_own_jobs_are_settled(smsq_json: Json, world: World) -> None:
    job = make_unknown(world)
    rule = ("--campaign", "c0123456789abcdef")

    assert smsq_json("unknown", "settle-all", "failed", *rule)["settled"] == 0
    assert world.state(job) is JobState.UNKNOWN


@pytest.mark.parametrize("args", [(), ("--all", "--error", "unknown")])
def test_a_rule_is_asked_for_so_that_nobody_settles_all_by_mistake(
    smsq: Smsq, world: World, args: tuple[str, ...]
) -> None:
    job = make_unknown(world)
    ended = smsq("unknown", "settle-all", "failed", *args)

    assert ended.exit_code == 2
    assert "write --all, or --since" in ended.stderr
    assert world.state(job) is JobState.UNKNOWN


def test_what_a_receipt_settled_meanwhile_is_told_and_stops_nothing(
    smsq_json: Json, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_unknown(world), make_unknown(world)
    find = StuckJobs.find

    def find_late(self: StuckJobs, state: JobState, rule: Rule | None = None) -> Any:
        found = list(find(self, state, rule))
        self.settle(first, Settlement.ACCEPTED)
        return found

    monkeypatch.setattr(StuckJobs, "find", find_late)
    said = smsq_json("unknown", "settle-all", "failed", "--all", exit_code=5)

    assert said["settled"] == 1
    assert [row["id"] for row in said["refused"]] == [first]
    assert (world.state(first), world.state(second)) == (JobState.ACCEPTED, JobState.REJECTED)
