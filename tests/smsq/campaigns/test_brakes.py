"""A campaign's brakes: what they hold back, in which order it goes on, and when they act alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest

from smsq.campaigns import staging
from smsq.campaigns.brakes import BrakePlan
from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.events.events import CampaignEvent, read_entry
from smsq.models import JobState, Kind, MessageRequest, RecipientState, ReportRow
from smsq.pacing.slots import Slot
from smsq.records.jobs import Claim, Idempotency, Leases, PollClaim
from smsq.status.status import BrakeState
from smsq.status.timeline import read_note
from smsq.store.keys import Keys
from tests.smsq.world import ACCEPTED, PLAN, RETENTION_MS, World

BUSY = Verdict(state=JobState.QUEUED, error="429", error_class="busy", is_counted=False)
LOST = Verdict(state=JobState.WAITING, delay_s=5, error="no answer", error_class="unknown")
REFUSED = Verdict(state=JobState.REJECTED, error="400", error_class="refused")
BY = "ops@host"


def take_job(world: World) -> Claim | None:
    claim = world.take()
    assert not isinstance(claim, PollClaim)
    return claim


def take_all(world: World) -> list[str]:
    taken = []
    while claim := take_job(world):
        taken.append(claim.job_id)
    return taken


def accept_one(world: World) -> Claim:
    """Send the next job; its message's id is known at once."""
    claim = take_job(world)
    assert claim
    world.claims.settle(claim, ACCEPTED, PLAN)
    return claim


def report(world: World, claim: Claim, words: Sequence[str]) -> None:
    """Tell of a job's first recipients, and of no others."""
    poll = world.poll_of(claim.job_id)
    phones = sorted(claim.messages[0].recipients)
    rows = [ReportRow(phone, word, None) for phone, word in zip(phones, words, strict=False)]
    world.polls.apply_page(poll, rows, next_offset=0, next_in_s=5)


def brake_of(world: World, draft: CampaignDraft) -> BrakeState | None:
    brake = world.campaign(draft.id).brake
    return brake.state if brake else None


def story_of(world: World, draft: CampaignDraft) -> list[str]:
    lines = world.redis.lrange(world.keys.timeline(draft.id), 0, -1)
    return [read_note(str(line)).what for line in lines]


def states_of(world: World, draft: CampaignDraft) -> list[JobState]:
    return [world.state(job) for job in draft.job_ids]


def test_a_paused_campaign_sends_nothing(world: World) -> None:
    draft = world.start_campaign(40)

    assert world.brakes.pause(draft.id, by=BY)
    assert take_job(world) is None
    assert states_of(world, draft) == [JobState.WAITING] * 4
    assert brake_of(world, draft) is BrakeState.PAUSED
    assert not world.brakes.pause(draft.id, by=BY)


def test_a_pause_parks_without_a_claim(world: World) -> None:
    draft = world.start_campaign(40)
    world.brakes.pause(draft.id, by=BY)

    assert world.align(limit=3) == []
    assert world.campaign(draft.id).jobs == {JobState.WAITING: 4}
    assert world.redis.zcard(world.keys.ready("bulk")) == 0
    assert not world.redis.exists(world.keys.aligning)


@pytest.mark.long
def test_others_go_out_past_a_thousand_parked_jobs_with_the_same_slot(world: World) -> None:
    draft = world.start_campaign(1000, per_job=1)
    world.pass_s(1)
    other = world.start_campaign(1, first=2000)
    world.brakes.pause(draft.id, by=BY)
    planned = world.redis.hget(world.keys.limiter, "planned_us")

    claim = take_job(world)
    assert claim
    assert [claim.job_id] == other.job_ids
    assert world.redis.hget(world.keys.limiter, "planned_us") != planned
    assert world.views.stats(10).slots["bulk"] == 1


def test_one_call_passes_by_at_most_a_hundred(world: World) -> None:
    draft = world.start_campaign(250, per_job=1)
    world.brakes.pause(draft.id, by=BY)
    slot = world.limiter.reserve()

    assert isinstance(slot, Slot)
    world.claims.claim(slot, world.limiter.pace, Leases(send_ms=30_000, poll_ms=60_000))
    assert 30 <= world.campaign(draft.id).jobs[JobState.WAITING] <= 100


def test_resumed_jobs_keep_their_order_before_those_that_came_later(world: World) -> None:
    draft = world.start_campaign(50)
    expected = [str(job) for job in world.redis.zrange(world.keys.ready("bulk"), 0, -1)]
    first = take_job(world)
    assert first
    world.pass_s(1)
    world.brakes.pause(draft.id, by=BY)
    world.align(limit=2)
    world.pass_s(60)
    # Sent back while paused: it keeps its place at the front.
    world.claims.settle(first, BUSY, PLAN)
    world.pass_s(3600)
    assert world.brakes.resume(draft.id, by=BY)
    assert sorted(world.align(limit=2)) == sorted(expected)

    # An hour's pause is no hour's waiting.
    line: Any = world.redis.zrange(world.keys.ready("bulk"), 0, 0, withscores=True)
    assert 0 <= world.now_ms - line[0][1] < 30_000
    assert take_all(world) == expected


def test_a_job_that_a_429_sends_back_to_a_paused_campaign_parks(world: World) -> None:
    draft = world.start_campaign(10)
    claim = take_job(world)
    assert claim
    world.brakes.pause(draft.id, by=BY)
    world.claims.settle(claim, BUSY, PLAN)

    assert states_of(world, draft) == [JobState.WAITING]
    world.pass_s(86_400)
    assert world.recover() == []
    assert take_job(world) is None


def test_a_job_whose_backoff_ends_in_a_pause_parks(world: World) -> None:
    draft = world.start_campaign(10)
    claim = take_job(world)
    assert claim
    backoff = Verdict(state=JobState.WAITING, delay_s=5, error="500", error_class="temporary")
    world.claims.settle(claim, backoff, PLAN)
    world.brakes.pause(draft.id, by=BY)
    world.align()
    world.pass_s(6)
    assert world.recover() == []
    assert states_of(world, draft) == [JobState.WAITING]

    world.brakes.resume(draft.id, by=BY)
    assert world.align() == draft.job_ids
    assert take_all(world) == draft.job_ids


def test_a_backoff_that_goes_on_is_not_cut_short_by_a_resume(world: World) -> None:
    draft = world.start_campaign(10)
    claim = take_job(world)
    assert claim
    world.brakes.pause(draft.id, by=BY)
    backoff = Verdict(state=JobState.WAITING, delay_s=60, error="500", error_class="temporary")
    world.claims.settle(claim, backoff, PLAN)
    world.brakes.resume(draft.id, by=BY)

    assert world.align() == []
    world.pass_s(61)
    assert world.recover() == draft.job_ids


def test_a_campaign_paused_for_longer_than_its_jobs_may_wait_expires(world: World) -> None:
    draft = world.start_campaign(20, expires_at_ms=str(world.now_ms + 60_000))
    world.brakes.pause(draft.id, by=BY)
    world.align()
    world.pass_s(61)
    world.recover()

    assert states_of(world, draft) == [JobState.EXPIRED] * 2
    world.brakes.resume(draft.id, by=BY)
    assert world.align() == []
    assert take_job(world) is None
    assert world.campaign(draft.id).unsent == {JobState.EXPIRED: 20}


def test_a_resume_just_before_the_expiry_does_not_outlive_it(world: World) -> None:
    draft = world.start_campaign(10, expires_at_ms=str(world.now_ms + 60_000))
    world.brakes.pause(draft.id, by=BY)
    world.align()
    world.pass_s(59)
    world.brakes.resume(draft.id, by=BY)
    world.align()
    world.pass_s(2)

    assert take_job(world) is None
    assert states_of(world, draft) == [JobState.EXPIRED]


def test_a_cancelled_campaign_sends_nothing_and_its_counts_add_up(world: World) -> None:
    draft = world.start_campaign(50)
    on_its_way = take_job(world)
    assert on_its_way
    assert world.brakes.cancel(draft.id, by=BY)
    assert not world.brakes.cancel(draft.id, by=BY)
    assert take_job(world) is None
    world.align(limit=2)
    world.claims.settle(on_its_way, ACCEPTED, PLAN)

    found = world.campaign(draft.id)
    assert found.jobs == {JobState.CANCELLED: 4, JobState.ACCEPTED: 1}
    assert found.recipients == 50
    assert found.unsent == {JobState.CANCELLED: 40}
    assert world.redis.hget(world.keys.message(draft.job_ids[0], 1), "text") is None


@pytest.mark.parametrize("verdict", [BUSY, Verdict(state=JobState.WAITING, delay_s=9, error="500")])
def test_what_comes_back_to_a_cancelled_campaign_is_cancelled(
    world: World, verdict: Verdict
) -> None:
    draft = world.start_campaign(10)
    claim = take_job(world)
    assert claim
    world.brakes.cancel(draft.id, by=BY)
    world.claims.settle(claim, verdict, PLAN)

    assert states_of(world, draft) == [JobState.CANCELLED]
    # Its next look is its purge.
    due_ms = world.redis.zscore(world.keys.due, claim.job_id)
    assert due_ms
    assert due_ms > world.now_ms + 100_000


@pytest.mark.parametrize("is_crash", [True, False])
def test_what_may_have_been_accepted_is_not_called_cancelled(world: World, is_crash: bool) -> None:
    draft = world.start_campaign(10, on_unknown="resend")
    claim = take_job(world)
    assert claim
    world.brakes.cancel(draft.id, by=BY)
    if is_crash:
        world.pass_s(31)
        world.recover()
    else:
        world.claims.settle(claim, LOST, PLAN)

    assert states_of(world, draft) == [JobState.UNKNOWN]
    world.polls.apply_receipt(claim.job_id, b"{}", {1: 501}, unmatched=0, plan=PLAN)
    assert states_of(world, draft) == [JobState.ACCEPTED]


def test_a_cancelled_campaign_can_neither_pause_nor_go_on(world: World) -> None:
    draft = world.start_campaign(10)
    world.brakes.cancel(draft.id, by=BY)

    for move in (world.brakes.pause, world.brakes.resume):
        with pytest.raises(InvalidMessageError, match="is cancelled: enqueue a new one"):
            move(draft.id, by=BY)


def test_a_finished_campaign_has_nothing_to_hold_up(world: World) -> None:
    draft = world.start_campaign(10)
    accept_one(world)

    assert not world.brakes.pause(draft.id, by=BY)
    assert not world.brakes.cancel(draft.id, by=BY)
    assert brake_of(world, draft) is None


def test_an_id_of_no_campaign_is_not_found(world: World) -> None:
    job = world.enqueue()
    for move in (world.brakes.pause, world.brakes.resume, world.brakes.cancel):
        with pytest.raises(NotFoundError):
            move(job, by=BY)
    assert world.brakes.align(job) is None


def test_exactly_the_canary_goes_first(world: World) -> None:
    draft = world.start_campaign(100, per_job=20, canary=50)

    sizes = [int(str(world.redis.hget(world.keys.job(job), "size"))) for job in draft.job_ids]
    assert sizes == [20, 20, 10, 20, 20, 10]
    assert sorted(take_all(world)) == sorted(draft.job_ids[:3])
    assert brake_of(world, draft) is BrakeState.CANARY


def test_a_campaign_goes_on_by_itself_after_a_good_canary(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    claim = accept_one(world)
    report(world, claim, ["delivered"] * 45)
    assert take_job(world) is None
    report(world, claim, ["delivered"] * 46 + ["undelivered"] * 4)

    assert brake_of(world, draft) is None
    assert world.align() == [draft.job_ids[1]]
    assert take_all(world) == [draft.job_ids[1]]
    assert story_of(world, draft) == ["created", "canary passed"]


def test_a_campaign_stops_after_a_bad_canary_and_says_why(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50, max_failed=0.1)
    claim = accept_one(world)
    report(world, claim, ["delivered"] * 45 + ["undelivered"] * 5)

    brake = world.campaign(draft.id).brake
    assert brake
    assert brake.state is BrakeState.STOPPED
    assert brake.why == "canary: 5 of 50 recipients failed, it goes on only below 10 %"
    assert world.align() == []
    assert take_job(world) is None

    # An operator knows better.
    assert world.brakes.resume(draft.id, by=BY)
    assert world.align() == [draft.job_ids[1]]
    assert story_of(world, draft) == ["created", "stopped", "resumed"]


@pytest.mark.parametrize("verdict", [REFUSED, Verdict(state=JobState.DEAD, error="gave up")])
def test_a_canary_that_was_not_taken_has_failed(world: World, verdict: Verdict) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    claim = take_job(world)
    assert claim
    world.claims.settle(claim, verdict, PLAN)

    assert brake_of(world, draft) is BrakeState.STOPPED


def test_a_canary_without_reports_has_failed_when_the_horizon_passed(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    accept_one(world)
    world.pass_s(PLAN.horizon_ms / 1000 + 1)
    world.recover()

    brake = world.campaign(draft.id).brake
    assert brake
    assert brake.state is BrakeState.STOPPED
    assert "50 without a report may have got it" in brake.why


def test_a_canary_of_unknown_outcome_does_not_hold_its_campaign_for_ever(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    claim = take_job(world)
    assert claim
    world.claims.settle(claim, Verdict(state=JobState.UNKNOWN, error="no answer"), PLAN)
    world.align()
    assert brake_of(world, draft) is BrakeState.CANARY
    assert world.redis.exists(world.keys.aligning)
    world.pass_s(PLAN.horizon_ms / 1000 + 3601)
    world.align()

    brake = world.campaign(draft.id).brake
    assert brake
    assert brake.state is BrakeState.STOPPED
    assert "50 of 50 recipients failed or are without a final report" in brake.why


def test_a_canary_that_finishes_in_a_pause_does_not_end_the_pause(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    claim = accept_one(world)
    world.brakes.pause(draft.id, by=BY)
    report(world, claim, ["delivered"] * 50)
    world.align()
    assert take_job(world) is None
    brake = world.campaign(draft.id).brake
    assert brake
    assert brake.why == f"by {BY}"

    world.brakes.resume(draft.id, by=BY)
    assert world.align() == [draft.job_ids[1]]


def test_a_resume_does_not_skip_the_canary_unless_it_is_told_to(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    world.brakes.pause(draft.id, by=BY)
    world.align()
    assert world.brakes.resume(draft.id, by=BY)
    assert world.align() == [draft.job_ids[0]]
    assert not world.brakes.resume(draft.id, by=BY)

    assert world.brakes.resume(draft.id, by=BY, is_anyway=True)
    assert world.align() == [draft.job_ids[1]]


def test_a_pause_does_not_use_up_the_time_of_a_canary(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    other = world.start_campaign(100, per_job=50, canary=50, first=200)
    world.brakes.pause(draft.id, by=BY)
    world.align()
    world.pass_s(2 * PLAN.horizon_ms / 1000)
    world.align()
    assert brake_of(world, draft) is BrakeState.PAUSED
    assert brake_of(world, other) is BrakeState.STOPPED  # nobody sent it in all that time

    world.brakes.resume(draft.id, by=BY)
    world.align()
    assert brake_of(world, draft) is BrakeState.CANARY
    report(world, accept_one(world), ["delivered"] * 50)
    assert world.align() == [draft.job_ids[1]]


def test_a_canary_that_is_resumed_has_its_time_and_no_more(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    world.brakes.pause(draft.id, by=BY)
    world.pass_s(2 * PLAN.horizon_ms / 1000)
    world.brakes.resume(draft.id, by=BY)
    claim = take_job(world)
    assert claim
    world.claims.settle(claim, Verdict(state=JobState.UNKNOWN, error="no answer"), PLAN)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.align()
    assert brake_of(world, draft) is BrakeState.CANARY
    world.pass_s(3601)
    world.align()

    assert brake_of(world, draft) is BrakeState.STOPPED


def test_a_campaign_stops_itself_when_too_many_fail_later(world: World) -> None:
    draft = world.start_campaign(200, per_job=50, max_failed=0.1)
    report(world, accept_one(world), ["delivered"] * 20 + ["undelivered"] * 20)
    assert brake_of(world, draft) is None  # 40 judged recipients say nothing
    claim = take_job(world)
    assert claim
    world.claims.settle(claim, REFUSED, PLAN)

    brake = world.campaign(draft.id).brake
    assert brake
    assert brake.state is BrakeState.STOPPED
    assert brake.why == "70 of 90 judged recipients failed (77.8 %), more than 10 % stops it"
    assert take_job(world) is None


def test_the_bound_itself_does_not_stop_a_campaign(world: World) -> None:
    draft = world.start_campaign(200, per_job=100, max_failed=0.07)
    report(world, accept_one(world), ["delivered"] * 93 + ["undelivered"] * 7)

    assert brake_of(world, draft) is None


def test_a_resumed_campaign_has_no_bound_or_a_new_one(world: World) -> None:
    draft = world.start_campaign(400, per_job=100, max_failed=0.1)
    report(world, accept_one(world), ["delivered"] * 80 + ["undelivered"] * 20)
    world.brakes.resume(draft.id, by=BY)
    world.align()
    report(world, accept_one(world), ["undelivered"] * 100)
    assert brake_of(world, draft) is None

    # 120 of 200 have failed: a bound below that stops it at once.
    world.brakes.resume(draft.id, by=BY, max_failed_ppm=700_000)
    assert brake_of(world, draft) is None
    world.brakes.resume(draft.id, by=BY, max_failed_ppm=500_000)
    assert brake_of(world, draft) is BrakeState.STOPPED


def test_a_campaign_of_which_nothing_is_left_does_not_stop(world: World) -> None:
    draft = world.start_campaign(60, per_job=60, max_failed=0.1)
    report(world, accept_one(world), ["undelivered"] * 60)

    assert brake_of(world, draft) is None
    assert states_of(world, draft) == [JobState.DONE]


def test_brakes_are_news(world: World) -> None:
    draft = world.start_campaign(100, per_job=50, canary=50)
    report(world, accept_one(world), ["undelivered"] * 50)
    world.brakes.resume(draft.id, by=BY)
    world.brakes.cancel(draft.id, by=BY)

    entries: Any = world.redis.xrange(world.keys.events)
    events = [event for entry in entries for event in read_entry(*entry)]
    told = [(e.old_brake, e.new_brake, e.what) for e in events if isinstance(e, CampaignEvent)]
    assert told == [
        (None, None, "begun"),
        ("canary", "stopped", "held"),
        ("stopped", None, "released"),
        (None, "cancelled", "held"),
    ]


def test_a_purged_campaign_leaves_nothing(world: World) -> None:
    draft = world.start_campaign(20, canary=10)
    world.brakes.cancel(draft.id, by=BY)
    world.align()
    world.pass_s(1_000_001)
    world.recover()

    left = {str(key) for key in world.redis.scan_iter(f"{world.keys.namespace}:*")}
    keys = Keys(world.keys.namespace)
    kept = {keys.counts, keys.limiter, keys.events, keys.audit, keys.audit_head}
    assert left <= kept
    assert not any(n for n in world.views.stats(10).recipients.values())


def test_a_scheduled_message_can_have_no_canary(world: World) -> None:
    draft = CampaignDraft(world.staging, fields={"canary": "5"}, max_recipients=10)
    head = MessageRequest(
        name="Sale",
        alphaname_id="123",
        text="hi",
        recipients={},
        schedule_time="2030-01-01T09:00:00",
    )
    with pytest.raises(InvalidMessageError, match="leave one of them out"):
        draft.start_message(head)


@pytest.mark.parametrize(
    ("canary", "max_failed", "mistakes"),
    [
        (0, None, ["canary: write whole recipients"]),
        (2.5, None, ["canary: write whole recipients"]),
        (True, None, ["canary: write whole recipients"]),
        (None, 10, ["max_failed: write a share from 0 to 1"]),
        (None, float("nan"), ["max_failed: write a share"]),
        (-1, "10%", ["canary: write", "max_failed: write"]),
    ],
)
def test_a_plan_that_is_none_says_what_to_write(
    canary: int, max_failed: float, mistakes: list[str]
) -> None:
    with pytest.raises(InvalidMessageError) as error:
        BrakePlan.check(canary, max_failed)

    assert len(error.value.mistakes) == len(mistakes)
    for told, expected in zip(error.value.mistakes, mistakes, strict=True):
        assert told.startswith(expected)


@pytest.mark.parametrize("word", ["pause", "cancel"])
def test_a_brake_holds_for_jobs_that_are_not_in_line_yet(
    world: World, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    # Whoever commits it dies before a job is brought into the line.
    monkeypatch.setattr(world.staging, "launch", lambda _: iter(()))
    draft = world.start_campaign(500, canary=20)
    assert world.state(draft.job_ids[0]) is JobState.QUEUED
    getattr(world.brakes, word)(draft.id, by=BY)
    world.align(limit=7)

    state = JobState.WAITING if word == "pause" else JobState.CANCELLED
    assert world.campaign(draft.id).jobs == {state: 50}
    assert world.campaign(draft.id).recipients == 500
    monkeypatch.undo()
    assert len([job for part in world.staging.launch(draft.id) for job in part]) == 50
    assert take_job(world) is None
    assert world.campaign(draft.id).jobs == {state: 50}


@pytest.mark.parametrize("slice_", [1, 2])
def test_a_canary_that_is_final_before_the_launch_is_over_is_judged_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch, slice_: int
) -> None:
    monkeypatch.setattr(staging, "LAUNCH_JOBS", slice_)
    launch = world.staging.launch
    # Whoever commits it dies after one call, and goes on when somebody else has sent the canary.
    monkeypatch.setattr(world.staging, "launch", lambda campaign: islice(launch(campaign), 1))
    draft = world.start_campaign(100, per_job=50, canary=50)
    report(world, accept_one(world), ["delivered"] * 50)
    assert brake_of(world, draft) is BrakeState.CANARY
    assert sum(map(len, launch(draft.id))) == 2 - slice_

    assert brake_of(world, draft) is None
    world.align()
    assert take_all(world) == [draft.job_ids[1]]


def test_a_draft_that_goes_on_has_the_same_canary(world: World) -> None:
    def begin(recipients: int) -> CampaignDraft:
        draft = CampaignDraft(
            world.staging,
            fields={"on_unknown": "hold", "canary": "5"} | plan.fields(world.settings),
            max_recipients=3,
            key="k" * 32,
            earlier=world.staging.find_earlier("k" * 32),
        )
        draft.start_message(
            MessageRequest(name="Sale", alphaname_id="123", text="hi", recipients={})
        )
        for i in range(recipients):
            draft.add(f"37529{1000000 + i}", None)
        return draft

    plan = BrakePlan.check(5, None)
    begin(4)
    draft = begin(12)
    draft.commit(Idempotency(key="k" * 32))

    sizes = [int(str(world.redis.hget(world.keys.job(job), "size"))) for job in draft.job_ids]
    assert sizes == [3, 2, 3, 3, 1]
    assert sorted(take_all(world)) == sorted(draft.job_ids[:2])


def test_a_single_job_heeds_no_brake(world: World) -> None:
    job = world.enqueue(kind=Kind.QUICK)
    draft = world.start_campaign(10)
    world.brakes.cancel(draft.id, by=BY)

    assert take_all(world) == [job]
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 11


def test_a_campaigns_counts_and_its_judgement_outlive_its_jobs(world: World) -> None:
    draft = world.start_campaign(300, per_job=100, max_failed=0.1)
    first = accept_one(world)
    report(world, first, ["delivered"] * 100)
    world.pass_s(RETENTION_MS / 1000 - 10)
    report(world, accept_one(world), ["delivered"] * 60 + ["undelivered"] * 10)
    before = world.campaign(draft.id)
    world.pass_s(20)
    world.recover()

    with pytest.raises(NotFoundError):
        world.views.status(first.job_id)
    after = world.campaign(draft.id)
    assert (after.recipients, after.counts, after.jobs) == (300, before.counts, before.jobs)
    assert after.brake is None  # 10 of 170 failed; of the 70 that are left it would be too many
    assert accept_one(world)
