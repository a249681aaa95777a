"""The ledger: one job's life, step by step, on a manual clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smsq.domain.outcomes import Verdict
from smsq.errors import NotFoundError
from smsq.models import JobState, Kind, OnUnknown, RecipientState, ReportRow
from smsq.pacing.slots import Early, Slot
from smsq.records.jobs import Claim, Leases, NoClaim
from smsq.settings import Settings
from tests.smsq.measures.measured import forget_measures
from tests.smsq.world import ACCEPTED, PLAN, RETENTION_MS, UNKNOWN, World

LEASES = Leases(send_ms=30_000, poll_ms=60_000)


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    made = World(settings)
    yield made
    made.redis.close()


def test_only_one_of_two_workers_gets_the_claim(world: World) -> None:
    job = world.enqueue()

    first = world.limiter.reserve()
    second = world.limiter.reserve()
    assert isinstance(first, Slot)
    assert isinstance(second, Slot)

    claim = world.claims.claim(first, world.limiter.pace, LEASES)
    assert isinstance(claim, Claim)
    assert (claim.job_id, claim.attempts) == (job, 1)
    assert world.claims.claim(second, world.limiter.pace, LEASES) is NoClaim.NOTHING


def test_a_claim_carries_what_the_gateway_needs(world: World) -> None:
    job = world.enqueue(viber_name_id="9", viber_after_min="15")

    request = world.claim(job).quick_request

    assert request.phone == "375291234567"
    assert request.text == "code"
    assert request.alphaname_id == "123"
    assert request.viber is not None
    assert (request.viber.name_id, request.viber.after_min) == (9, 15)


def test_an_accepted_job_forgets_its_text_and_is_polled(world: World) -> None:
    job = world.enqueue()
    assert world.claims.settle(world.claim(job), ACCEPTED, PLAN)

    assert world.state(job) is JobState.ACCEPTED
    assert world.views.status(job).messages[0].message_id == 77
    assert world.redis.hget(world.keys.message(job, 1), "text") is None
    assert world.polls.find_due(limit=10) == []
    world.pass_s(5)
    assert world.polls.find_due(limit=10) == [f"{job}:1"]


def test_a_kept_text_stays(world: World) -> None:
    job = world.enqueue(keep_texts="1")
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)

    assert world.redis.hget(world.keys.message(job, 1), "text") == "code"


def test_a_refused_job_forgets_its_text(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), Verdict(state=JobState.REJECTED, error="why"), PLAN)

    status = world.views.status(job)
    assert status.state is JobState.REJECTED
    assert status.error == "why"
    assert world.redis.hget(world.keys.message(job, 1), "text") is None


def test_a_dead_job_keeps_its_text_for_three_days(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), Verdict(state=JobState.DEAD, error="why"), PLAN)
    world.pass_s(3 * 86400 - 1)
    world.recover()
    assert world.redis.hget(world.keys.message(job, 1), "text") == "code"

    world.pass_s(1)
    world.recover()
    assert world.redis.hget(world.keys.message(job, 1), "text") is None
    assert world.state(job) is JobState.DEAD
    world.pass_s(RETENTION_MS / 1000)
    world.recover()
    with pytest.raises(NotFoundError):
        world.views.status(job)


def test_a_waiting_job_is_rung_when_it_is_due_and_not_before(world: World) -> None:
    job = world.enqueue()
    verdict = Verdict(state=JobState.WAITING, delay_s=10, error="500")
    world.claims.settle(world.claim(job), verdict, PLAN)

    world.pass_s(9)
    assert world.recover() == []
    assert world.take() is None
    world.pass_s(1)
    assert world.recover() == [job]
    assert world.claim(job).attempts == 2


def test_a_429_gives_the_attempt_back(world: World) -> None:
    job = world.enqueue()
    for _ in range(20):
        claim = world.claim(job)
        assert claim.attempts == 1
        busy = Verdict(state=JobState.QUEUED, error="429", is_counted=False)
        world.claims.settle(claim, busy, PLAN)

    assert world.views.status(job).attempts == 0
    assert world.views.status(job).error == "429"


def test_a_lease_that_ends_leaves_the_job_unknown_and_unsent(world: World) -> None:
    job = world.enqueue()
    world.claim(job, lease_s=30)

    world.pass_s(29)
    assert world.recover() == []
    assert world.state(job) is JobState.SUBMITTING
    world.pass_s(1)
    assert world.recover() == []
    assert world.state(job) is JobState.UNKNOWN
    world.pass_s(10_000_000)
    assert world.recover() == []
    assert world.state(job) is JobState.UNKNOWN
    assert world.take() is None


def test_a_lease_that_ends_is_sent_again_where_the_caller_said_so(world: World) -> None:
    job = world.enqueue(on_unknown=OnUnknown.RESEND)
    world.claim(job, lease_s=30)
    world.pass_s(30)

    assert world.recover() == [job]
    assert world.claim(job).attempts == 2
    world.pass_s(30)
    assert world.recover(max_attempts=2) == []
    assert world.state(job) is JobState.UNKNOWN


@pytest.mark.parametrize("late", [ACCEPTED, Verdict(state=JobState.REJECTED, error="no")])
def test_a_late_settle_of_the_same_claim_still_counts(world: World, late: Verdict) -> None:
    job = world.enqueue()
    claim = world.claim(job, lease_s=30)
    world.pass_s(31)
    world.recover()
    assert world.state(job) is JobState.UNKNOWN

    assert world.claims.settle(claim, late, PLAN)
    assert world.state(job) is late.state


def test_a_late_acceptance_stops_a_resend_that_nobody_claimed_yet(world: World) -> None:
    job = world.enqueue(on_unknown=OnUnknown.RESEND)
    claim = world.claim(job, lease_s=30)
    world.pass_s(31)
    world.recover()
    assert world.state(job) is JobState.QUEUED

    assert world.claims.settle(claim, ACCEPTED, PLAN)
    assert world.take() is None


def test_a_settle_of_an_old_claim_changes_nothing(world: World) -> None:
    job = world.enqueue(on_unknown=OnUnknown.RESEND)
    old = world.claim(job, lease_s=30)
    world.pass_s(31)
    world.recover()
    new = world.claim(job)

    assert not world.claims.settle(old, Verdict(state=JobState.REJECTED, error="no"), PLAN)
    assert world.state(job) is JobState.SUBMITTING
    assert world.claims.settle(new, ACCEPTED, PLAN)


def test_a_second_settle_changes_nothing(world: World) -> None:
    job = world.enqueue()
    claim = world.claim(job)
    world.claims.settle(claim, ACCEPTED, PLAN)

    assert not world.claims.settle(claim, UNKNOWN, PLAN)
    assert world.state(job) is JobState.ACCEPTED


def test_a_receipt_settles_an_unknown_job(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK)
    world.claims.settle(world.claim(job), UNKNOWN, PLAN)

    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    assert world.state(job) is JobState.ACCEPTED
    assert world.views.status(job).error is None
    assert world.views.status(job).messages[0].message_id == 501
    world.pass_s(5)
    assert world.polls.find_due(limit=10) == [f"{job}:1"]


def test_a_receipt_stops_a_resend(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, on_unknown=OnUnknown.RESEND)
    world.claim(job, lease_s=30)
    world.pass_s(31)
    world.recover()

    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    assert world.state(job) is JobState.ACCEPTED
    assert world.take() is None


@pytest.mark.parametrize("then", ["the lease ends", "the answer is lost", "the answer comes"])
def test_a_receipt_may_overtake_the_answer(world: World, then: str) -> None:
    job = world.enqueue(kind=Kind.BULK)
    claim = world.claim(job, lease_s=30)
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)
    assert world.state(job) is JobState.SUBMITTING

    if then == "the lease ends":
        world.pass_s(31)
        world.recover()
    elif then == "the answer is lost":
        world.claims.settle(claim, UNKNOWN, PLAN)
    else:
        world.claims.settle(claim, Verdict(state=JobState.ACCEPTED), PLAN)

    assert world.state(job) is JobState.ACCEPTED
    assert world.views.status(job).messages[0].message_id == 501


def test_a_receipt_without_ids_is_kept_and_counted_but_proves_nothing(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK)
    world.claims.settle(world.claim(job), UNKNOWN, PLAN)

    world.polls.apply_receipt(job, b"gibberish \xff", {}, unmatched=0, plan=PLAN)

    assert world.state(job) is JobState.UNKNOWN
    assert world.views.stats(10).oddities["receipts_unmatched"] == 1
    assert world.redis.llen(world.keys.receipts(job)) == 1


def test_a_receipt_for_no_job_is_not_found(world: World) -> None:
    with pytest.raises(NotFoundError):
        world.polls.apply_receipt("jnope", b"{}", {1: 1}, unmatched=0, plan=PLAN)
    assert world.redis.exists(world.keys.receipts("jnope")) == 0


def test_a_job_that_is_too_late_expires(world: World) -> None:
    claimed = world.enqueue(expires_at_ms=str(world.now_ms + 5_000))
    world.pass_s(5)
    assert world.take() is None
    assert world.state(claimed) is JobState.EXPIRED

    found = world.enqueue(expires_at_ms=str(world.now_ms + 5_000))
    world.pass_s(5)
    assert world.recover() == []
    assert world.state(found) is JobState.EXPIRED
    assert world.redis.hget(world.keys.message(found, 1), "text") is None


def test_one_call_gives_up_the_polling_of_a_few_large_jobs_at_most(world: World) -> None:
    for _ in range(5):
        world.enqueue(kind=Kind.BULK, phones=1000)
        claim = world.take()
        assert isinstance(claim, Claim)
        world.claims.settle(claim, ACCEPTED, PLAN)
    world.pass_s(PLAN.horizon_ms / 1000 + 1)

    batches = iter(lambda: world.claims.recover(limit=500, max_attempts=8, plan=PLAN)[0], 0)
    assert len(list(batches)) >= 2
    assert world.views.stats(10).jobs[JobState.DONE] == 5


def test_one_call_passes_by_some_of_many_late_jobs(world: World) -> None:
    for _ in range(60):
        world.enqueue(expires_at_ms=str(world.now_ms + 1_000))
    world.pass_s(1)
    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)

    # Others have their turn at Redis in between; the slot stays.
    assert world.claims.claim(slot, world.limiter.pace, LEASES) == Early(0)
    assert 20 <= world.views.stats(10).jobs[JobState.EXPIRED] < 60
    while world.claims.claim(slot, world.limiter.pace, LEASES) is not NoClaim.NOTHING:
        pass
    assert world.views.stats(10).jobs[JobState.EXPIRED] == 60


def test_a_job_with_a_time_waits_for_it(world: World) -> None:
    job = world.enqueue(due_at_ms=str(world.now_ms + 60_000))

    assert world.state(job) is JobState.WAITING
    world.pass_s(59)
    assert world.recover() == []
    world.pass_s(1)
    assert world.recover() == [job]
    assert world.state(job) is JobState.QUEUED


@pytest.mark.parametrize("due_in_s", [0, 60])
def test_what_nobody_claimed_can_be_cancelled(world: World, due_in_s: int) -> None:
    job = world.enqueue(due_at_ms=str(world.now_ms + due_in_s * 1000))

    assert world.ledger.cancel(job) is JobState.CANCELLED
    assert world.take() is None
    world.pass_s(120)
    assert world.recover() == []


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_what_may_be_out_is_unknown_though_it_was_to_be_sent_again(world: World, end: str) -> None:
    expires_at_ms = str(world.now_ms + 60_000)
    job = world.enqueue(on_unknown=OnUnknown.RESEND, expires_at_ms=expires_at_ms)
    again = Verdict(state=JobState.QUEUED, error="no answer", error_class="unknown")
    claim = world.claim(job)
    world.claims.settle(claim, again, PLAN)
    if end == "cancelled":
        assert world.ledger.cancel(job) is JobState.UNKNOWN
    else:
        world.pass_s(60)
        assert world.take() is None

    assert world.state(job) is JobState.UNKNOWN
    assert end in (world.views.status(job).error or "")
    world.claims.settle(claim, ACCEPTED, PLAN)  # which proves it, however late
    assert world.state(job) is JobState.ACCEPTED


def test_what_is_claimed_cannot_be_cancelled(world: World) -> None:
    job = world.enqueue()
    claim = world.claim(job)

    assert world.ledger.cancel(job) is JobState.SUBMITTING
    world.claims.settle(claim, ACCEPTED, PLAN)
    assert world.ledger.cancel(job) is JobState.ACCEPTED


def test_a_gate_that_closed_since_makes_a_slot_void_and_costs_no_attempt(world: World) -> None:
    job = world.enqueue()
    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)
    world.limiter.close_busy(slot, 20)

    assert world.claims.claim(slot, world.limiter.pace, LEASES) is NoClaim.VOID
    assert world.take() is None
    world.pass_s(20)
    assert world.claim(job).attempts == 1


def test_a_job_that_a_429_sent_back_keeps_its_place(world: World) -> None:
    first = world.enqueue()
    world.pass_s(1)
    second = world.enqueue()
    claim = world.claim(first)
    world.pass_s(1)
    world.claims.settle(claim, Verdict(state=JobState.QUEUED, error="429", is_counted=False), PLAN)

    assert world.claim(first)
    assert world.claim(second)


def test_the_horizon_ends_polling_and_what_was_delivered_stays(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=3)
    world.claims.settle(world.claim(job), Verdict(state=JobState.ACCEPTED), PLAN)
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)
    world.pass_s(5)
    claim = world.claim_poll()
    rows = [
        ReportRow("375291234567", "delivered", "2026-11-24 12:00:00"),
        ReportRow("375291234568", "sent", None),
    ]
    assert world.polls.apply_page(claim, rows, next_offset=0, next_in_s=5) == 2

    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()

    status = world.views.status(job)
    assert status.state is JobState.DONE
    assert status.counts == {RecipientState.DELIVERED: 1, RecipientState.NO_REPORT: 2}
    words = {r.phone: (r.state, r.gateway_status) for r in world.views.recipients(job)}
    assert words["375291234568"] == (RecipientState.NO_REPORT, "sent")
    assert world.polls.find_due(limit=10) == []


def test_the_horizon_ends_polling_of_a_quick_job_that_nothing_was_heard_of(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()

    assert world.state(job) is JobState.DONE
    assert world.views.status(job).counts == {RecipientState.NO_REPORT: 1}


def test_a_scheduled_job_is_polled_from_its_schedule_on(world: World) -> None:
    week_s = 7 * 86400
    job = world.enqueue(kind=Kind.BULK, starts_at_ms=str(world.now_ms + week_s * 1000))
    world.claims.settle(world.claim(job), Verdict(state=JobState.ACCEPTED), PLAN)
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)
    world.pass_s(week_s)
    world.recover()
    assert world.polls.find_due(limit=1) == []
    assert world.state(job) is JobState.ACCEPTED

    world.pass_s(PLAN.first_ms / 1000 - 0.001)
    assert world.polls.find_due(limit=1) == []
    world.pass_s(PLAN.first_ms / 1000)
    assert world.claim_poll()
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()
    assert world.state(job) is JobState.DONE


def test_retention_takes_a_finished_job_away_with_all_its_keys(world: World) -> None:
    job = world.enqueue(phones=1)
    world.claims.settle(world.claim(job), Verdict(state=JobState.REJECTED, error="no"), PLAN)
    world.pass_s(RETENTION_MS / 1000)
    world.recover()

    with pytest.raises(NotFoundError):
        world.views.status(job)
    stats = world.views.stats(10)
    assert sum(stats.jobs.values()) == 0
    assert sum(stats.recipients.values()) == 0
    left = set(world.redis.scan_iter(f"{world.keys.namespace}:*"))
    # News and measures are about the past, and go by their own age.
    assert forget_measures(left) <= {world.keys.counts, world.keys.limiter, world.keys.events}


@pytest.mark.parametrize(
    ("earlier", "later", "stands"),
    [
        ("sent", "delivered", "delivered"),
        ("delivered", "sent", "delivered"),
        ("delivered", "undelivered", "delivered"),
        ("undelivered", "delivered", "delivered"),
        ("undelivered", "sent", "undelivered"),
        ("sent", "somewhere odd", "sent"),
    ],
)
def test_states_only_move_forward(world: World, earlier: str, later: str, stands: str) -> None:
    job = world.enqueue(phones=2)  # the second phone keeps the message open
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    for word in (earlier, later):
        world.pass_s(10)
        claim = world.claim_poll()
        row = ReportRow("375291234567", word, "2026-11-24 12:00:00")
        world.polls.apply_page(claim, [row], next_offset=0, next_in_s=10)

    states = {r.phone: r.state for r in world.views.recipients(job)}
    assert states["375291234567"] == stands
    assert world.views.status(job).counts[RecipientState(stands)] == 1


def test_a_message_is_polled_once_per_due_time(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    refs = [*world.polls.find_due(limit=10), *world.polls.find_due(limit=10)]
    assert refs == [f"{job}:1"]

    claims = [world.take() for _ in range(5)]
    assert sum(claim is not None for claim in claims) == 1


def test_a_poll_that_died_is_taken_up_when_its_claim_ends(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    dead = world.claim_poll()
    world.pass_s(59)
    assert world.polls.find_due(limit=1) == []
    world.pass_s(1)
    alive = world.claim_poll()

    row = ReportRow("375291234567", "undelivered", None)
    assert world.polls.apply_page(dead, [row], next_offset=0, next_in_s=5) is None
    assert world.state(job) is JobState.ACCEPTED
    delivered = ReportRow("375291234567", "delivered", None)
    assert world.polls.apply_page(alive, [delivered], next_offset=0, next_in_s=5) == 0
    assert world.state(job) is JobState.DONE


def test_repeated_and_foreign_rows_do_no_harm(world: World) -> None:
    job = world.enqueue(phones=2)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    claim = world.claim_poll()
    rows = [
        ReportRow("375291234567", "sent", None),
        ReportRow("375291234567", "delivered", None),
        ReportRow("375291234567", "sent", None),
        ReportRow("375299999999", "delivered", None),
        ReportRow("1", "delivered", None),
    ]

    assert world.polls.apply_page(claim, rows, next_offset=0, next_in_s=5) == 1
    counts = world.views.status(job).counts
    assert counts == {RecipientState.DELIVERED: 1, RecipientState.PENDING: 1}
    assert world.views.stats(10).oddities["reports_foreign"] == 2


def test_the_gateways_time_is_kept_as_utc(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    claim = world.claim_poll()
    row = ReportRow("375291234567", "delivered", "2026-11-24 12:00:00")
    world.polls.apply_page(claim, [row], next_offset=0, next_in_s=5)

    [recipient] = world.views.recipients(job)
    assert recipient.sent_at is not None
    assert recipient.sent_at.isoformat() == "2026-11-24T09:00:00+00:00"


def test_buckets_stay_small_enough_to_be_packed(world: World) -> None:
    phones = 1000
    job = world.enqueue(kind=Kind.BULK, phones=phones)
    buckets = int(str(world.redis.hget(world.keys.message(job, 1), "buckets")))
    sizes = [world.redis.hlen(world.keys.recipients(job, 1, b)) for b in range(buckets)]

    assert buckets == 32
    assert sum(sizes) == phones
    assert max(sizes) <= 512  # beyond it Redis packs no more
