"""A campaign's brakes under the rules of sending: canaries at night, and with who is withheld."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState, RecipientState
from smsq.pacing.slots import Slot
from smsq.records.jobs import Leases
from smsq.rules.optouts import OptOuts
from smsq.status.failed import FailedReader
from smsq.status.status import BrakeState
from tests.smsq.campaigns.test_brakes import BY, accept_one, brake_of, report, take_job
from tests.smsq.rules.test_rules import LATER, set_rules
from tests.smsq.world import PLAN, UNKNOWN, World

pytestmark = pytest.mark.long

HORIZON_H = PLAN.horizon_ms / 3_600_000


def opt_out(world: World, phones: int) -> None:
    OptOuts(world.scripts, world.settings).add([f"37529{1000000 + i}" for i in range(phones)])


def test_a_canary_that_waits_for_the_morning_has_all_its_time(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T21:00")
    draft = world.start_campaign(100, per_job=50, canary=50)
    assert take_job(world) is None
    world.pass_s(12.5 * 3600)
    world.recover()
    claim = accept_one(world)

    world.pass_s((HORIZON_H - 1) * 3600)
    world.align()
    assert brake_of(world, draft) is BrakeState.CANARY
    report(world, claim, ["delivered"] * 50)
    assert world.align() == [draft.job_ids[1]]


def test_who_is_withheld_says_nothing_about_a_canary(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    opt_out(world, 40)
    claim = accept_one(world)
    report(world, claim, ["delivered"] * 9 + ["undelivered"])

    brake = world.campaign(draft.id).brake
    assert brake
    assert brake.why == "canary: 1 of 10 recipients failed, it goes on only below 10 %"


def test_a_canary_of_which_nobody_is_sent_to_stops_its_campaign(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    opt_out(world, 50)
    assert take_job(world) is None

    brake = world.campaign(draft.id).brake
    assert brake
    assert brake.state is BrakeState.STOPPED
    assert "all of its recipients are withheld" in brake.why
    assert world.campaign(draft.id).jobs == {JobState.DONE: 1, JobState.WAITING: 1}
    assert world.campaign(draft.id).counts[RecipientState.WITHHELD] == 50


def end_some(world: World, campaign: str, way: str) -> None:
    """End jobs with one script call."""
    if way == "align":
        world.brakes.cancel(campaign, by=BY)
        world.brakes.align(campaign)
        return
    world.pass_s(60)
    if way == "recover":
        world.recover()
        return
    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)
    leases = Leases(send_ms=30_000, poll_ms=60_000)
    world.claims.claim(slot, world.limiter.pace, leases, world.rule_book.rules)


@pytest.mark.parametrize("way", ["align", "recover", "claim"])
def test_large_jobs_end_at_once_and_the_cap_is_given_back_after_that(
    world: World, way: str
) -> None:
    set_rules(world, cap=1)
    expires_at_ms = str(world.now_ms + 60_000)
    draft = world.start_campaign(5000, per_job=1000, expires_at_ms=expires_at_ms)
    while claim := take_job(world):
        world.claims.settle(claim, LATER, PLAN)
    world.pass_s(2)
    world.recover()  # the pauses after the failures are over

    end_some(world, draft.id, way)
    jobs = world.campaign(draft.id).jobs
    assert jobs.get(JobState.CANCELLED, 0) + jobs.get(JobState.EXPIRED, 0) >= 1
    assert world.redis.zcard(f"{world.keys.namespace}:chores") >= 1

    world.align()
    for _ in range(30):
        world.recover()
    assert world.redis.zcard(f"{world.keys.namespace}:chores") == 0
    again = world.start_campaign(5000, per_job=5000)
    claim = take_job(world)
    assert claim
    assert claim.job_id == again.job_ids[0]
    assert len(claim.messages[0].recipients) == 5000


@pytest.mark.parametrize("end", ["expired", "dead", "cancelled"])
@pytest.mark.parametrize("error_class", ["unknown", "temporary"])
def test_who_may_have_got_it_is_not_among_the_failed(
    world: World, end: str, error_class: str
) -> None:
    """A campaign that is sent again may still lose its last attempts."""
    expires_at_ms = str(world.now_ms + 60_000)
    draft = world.start_campaign(5, per_job=5, on_unknown="resend", expires_at_ms=expires_at_ms)
    [job_id] = draft.job_ids
    world.claims.settle(world.claim(job_id), replace(LATER, error_class=error_class), PLAN)
    if end == "cancelled":
        world.ledger.cancel(job_id)
    elif end == "dead":
        world.pass_s(2)
        world.recover()
        world.claims.settle(world.claim(job_id), Verdict(state=JobState.DEAD), PLAN)
    else:
        world.pass_s(60)
        world.recover()

    assert world.state(job_id) == ("unknown" if error_class == "unknown" else end)
    failed = FailedReader(world.redis, world.keys, draft.job_ids, cancelled=True)
    assert len(list(failed)) + failed.retryable == (0 if error_class == "unknown" else 5)


def test_what_an_operator_settles_as_failed_is_among_the_failed(world: World) -> None:
    draft = world.start_campaign(5, per_job=5)
    [job_id] = draft.job_ids
    lost = replace(UNKNOWN, error_class="unknown")
    world.claims.settle(world.claim(job_id), lost, PLAN)
    assert list(FailedReader(world.redis, world.keys, draft.job_ids)) == []
    world.scripts.run("stuck_job", job_id, "failed", BY, "", PLAN.first_ms, PLAN.horizon_ms)

    assert len(list(FailedReader(world.redis, world.keys, draft.job_ids))) == 5
