"""A campaign's brakes under the rules of sending: canaries at night, and with who is withheld."""

from __future__ import annotations

from smsq.models import JobState, RecipientState
from smsq.optouts import OptOuts
from smsq.status import BrakeState
from tests.smsq.test_brakes import accept_one, brake_of, report, take_job
from tests.smsq.test_rules import set_rules
from tests.smsq.world import PLAN, World

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
