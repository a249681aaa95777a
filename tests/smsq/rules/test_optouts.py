"""Phones that take no messages: the list, and what a claim does with it."""

from __future__ import annotations

import json

import pytest

from smsq.delivery.matching import Matching
from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError
from smsq.models import JobState, Kind, MessageRequest, RecipientState, ReportRow
from smsq.names import Queue
from smsq.operate.stuck_jobs import StuckJobs
from smsq.pacing.slots import Early, Slot
from smsq.queue import SmsQueue
from smsq.records.jobs import Claim, Idempotency, Leases, NewJob
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from smsq.status.export import Exporter, Selection
from smsq.status.timeline import from_ms
from tests.smsq.world import ACCEPTED, PLAN, World

A, B, C = "375291234567", "375291234568", "375291234569"
LATER = Verdict(state=JobState.WAITING, delay_s=1, error="503", error_class="temporary")
RESENT = Verdict(state=JobState.WAITING, delay_s=1, error="lost", error_class="unknown")


@pytest.fixture
def optouts(world: World, settings: Settings) -> OptOuts:
    return OptOuts(world.scripts, settings)


def put(world: World, *phones: str) -> str:
    return world.enqueue(kind=Kind.BULK, priority=Queue.BULK, phones=phones)


def put_messages(world: World, *messages: dict[str, str]) -> str:
    """Enqueue a job of several messages with personal texts."""
    job = NewJob(
        id=f"j{len(messages):016x}",
        kind=Kind.BULK,
        priority=Queue.BULK,
        fields={"on_unknown": "hold"},
        messages=[
            MessageRequest(name=f"m{n}", alphaname_id="1", text=None, recipients=texts)
            for n, texts in enumerate(messages, start=1)
        ],
    )
    world.ledger.enqueue(job, Idempotency())
    return job.id


def states(world: World, job: str) -> dict[str, tuple[str, str | None]]:
    return {r.phone: (r.state, r.gateway_status) for r in world.views.recipients(job)}


def test_the_list_takes_phones_in_any_spelling_and_each_once(optouts: OptOuts) -> None:
    assert optouts.add(["+375 29 123-45-67", "80291234567", B]) == 2
    assert optouts.add([A]) == 0
    assert sorted(optouts.phones()) == [A, B]
    assert optouts.count() == 2
    assert optouts.count_opted_out([A, C]) == 1
    assert optouts.remove([A, C]) == 1
    assert optouts.remove([B]) == 1
    assert (optouts.count(), list(optouts.phones()), optouts.count_opted_out([A])) == (0, [], 0)


def test_the_queue_has_the_list(queue: SmsQueue) -> None:
    queue.optout.add([A])

    assert list(queue.optout.phones()) == [A]


@pytest.mark.parametrize("phones", [A, 5, ["123"], [None], [A, ""]])
def test_what_is_no_phone_is_refused_and_masked(optouts: OptOuts, phones: object) -> None:
    with pytest.raises(InvalidMessageError) as raised:
        optouts.add(phones)  # type: ignore[arg-type]

    assert optouts.count() == 0
    assert A not in str(raised.value)


def test_an_empty_list_leaves_nothing_in_redis(world: World, optouts: OptOuts) -> None:
    optouts.add([A, B])
    optouts.remove([A, B])

    assert list(world.redis.scan_iter(f"{world.keys.namespace}:optout*")) == []


def test_who_opts_out_between_enqueue_and_send_gets_nothing(world: World, optouts: OptOuts) -> None:
    job = put(world, A, B)
    optouts.add([A])

    assert list(world.claim(job).messages[0].recipients) == [B]
    assert states(world, job) == {A: ("withheld", "opted out"), B: ("pending", None)}
    assert world.views.status(job).counts == {
        RecipientState.PENDING: 1,
        RecipientState.WITHHELD: 1,
    }


def test_a_job_of_which_nobody_is_left_is_done_without_a_request_or_a_slot(
    world: World, optouts: OptOuts
) -> None:
    optouts.add([A, B])
    jobs = [put(world, A, B), world.enqueue(phones=[A])]
    before = world.redis.hgetall(world.keys.limiter)

    assert world.take() is None
    assert [world.state(job) for job in jobs] == [JobState.DONE] * 2
    after = world.redis.hgetall(world.keys.limiter)
    assert after.get("used_us") == before.get("used_us")
    assert sum(world.views.stats(1).slots.values()) == 0
    assert world.redis.hget(world.keys.message(jobs[0], 1), "text") is None
    assert world.views.status(jobs[0]).attempts == 0


@pytest.mark.long
def test_a_long_row_of_jobs_without_recipients_is_worked_off_piece_by_piece(
    world: World, optouts: OptOuts
) -> None:
    phones = [f"37529{2000000 + i}" for i in range(900)]
    optouts.add(phones)
    jobs = [put(world, *phones) for _ in range(7)]
    world.pass_s(1)
    last = put(world, A)

    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)
    leases = Leases(send_ms=1000, poll_ms=1000)
    assert world.claims.claim(slot, world.limiter.pace, leases) == Early(0)
    assert JobState.QUEUED in {world.state(job) for job in jobs}
    world.claim(last)
    assert {world.state(job) for job in jobs} == {JobState.DONE}


def test_a_code_reaches_who_opted_out_and_a_reminder_does_not(
    world: World, optouts: OptOuts
) -> None:
    optouts.add([A])
    code = world.enqueue(phones=[A], priority=Queue.URGENT)
    reminder = world.enqueue(phones=[A], priority=Queue.NORMAL)

    world.claim(code)
    assert world.take() is None
    assert states(world, reminder) == {A: ("withheld", "opted out")}


def test_withheld_stays_withheld_at_a_retry(world: World, optouts: OptOuts) -> None:
    job = put(world, A, B)
    optouts.add([A])
    world.claims.settle(world.claim(job), LATER, PLAN)
    optouts.remove([A])
    world.pass_s(2)
    world.recover()

    assert list(world.claim(job).messages[0].recipients) == [B]


def test_a_withheld_recipients_text_is_forgotten_and_the_others_stay(
    world: World, optouts: OptOuts
) -> None:
    job = put_messages(world, {A: "for A", B: "for B"})
    optouts.add([A])

    assert dict(world.claim(job).messages[0].recipients) == {B: "for B"}
    texts = f"{world.keys.namespace}:texts:{job}:1"
    assert world.redis.hgetall(texts) == {B: "for B"}


def test_a_dead_job_is_retried_for_those_who_are_left(
    world: World, optouts: OptOuts, settings: Settings
) -> None:
    job = put_messages(world, {A: "one"}, {B: "two"})
    optouts.add([A])
    dead = Verdict(state=JobState.DEAD, error="503", error_class="temporary")
    world.claims.settle(world.claim(job), dead, PLAN)
    StuckJobs(settings, world.redis, by="me@here").retry(job)

    assert [dict(m.recipients) for m in world.claim(job).messages] == [{B: "two"}]


def test_a_message_of_which_nobody_is_left_is_not_in_the_request_nor_waited_for(
    world: World, optouts: OptOuts
) -> None:
    job = put_messages(world, {A: "one"}, {B: "two"})
    optouts.add([A])
    claim = world.claim(job)
    assert [message.name for message in claim.messages] == ["m2"]
    world.claims.settle(claim, Verdict(state=JobState.ACCEPTED), PLAN)
    matching = Matching(world.scripts, world.polls, PLAN)

    # One id without a name: it is the second message's.
    receipt = json.dumps({"message_ids": [88]}).encode()
    assert matching.take_receipt(job, receipt, "application/json") == 1
    assert [m.message_id for m in world.views.status(job).messages] == [None, 88]
    assert world.redis.zscore(world.keys.listed("unmatched"), job) is None
    world.pass_s(6)
    world.polls.apply_page(
        world.claim_poll(), [ReportRow(B, "Delivered", None)], next_offset=0, next_in_s=None
    )
    assert world.state(job) is JobState.DONE


def test_a_report_that_an_earlier_attempt_got_through_is_believed(
    world: World, optouts: OptOuts
) -> None:
    job = put(world, A, B)
    world.claims.settle(world.claim(job), RESENT, PLAN)
    optouts.add([A])
    world.pass_s(2)
    world.recover()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(6)
    rows = [ReportRow(A, "Undelivered", None), ReportRow(B, "Sent", None)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=5)
    assert states(world, job)[A][0] == "undelivered"  # of the attempt before
    world.pass_s(6)
    rows = [ReportRow(phone, "Delivered", None) for phone in (A, B)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=None)

    assert {state for state, _ in states(world, job).values()} == {"delivered"}
    assert world.views.stats(1).recipients[RecipientState.WITHHELD] == 0


def test_withheld_is_news_in_the_timeline_and_in_the_export(world: World, optouts: OptOuts) -> None:
    job = put(world, A, B)
    optouts.add([A])
    world.claim(job)

    timeline = [str(line) for line in world.redis.lrange(world.keys.timeline(job), 0, -1)]
    assert any(line.endswith("|withheld|1 opted out") for line in timeline)
    news = str(world.redis.xrange(world.keys.events))
    assert '"withheld"' in news
    assert '"opted out"' in news
    [row] = Exporter(world.redis, world.keys).messages(Selection(since=from_ms(0)))
    assert (row["recipients"], row["pending"], row["withheld"]) == (2, 1, 1)


def test_a_purged_job_takes_its_withheld_recipients_out_of_the_counts(
    world: World, optouts: OptOuts
) -> None:
    optouts.add([A])
    put(world, A)
    world.take()
    world.pass_s(1_100_000)
    world.recover()

    assert sum(world.views.stats(1).recipients.values()) == 0


def test_a_large_job_is_divided_in_one_claim(world: World, optouts: OptOuts) -> None:
    phones = [f"37529{2000000 + i}" for i in range(2500)]
    optouts.add(phones[::5])
    job = put(world, *phones)

    claim = world.take()
    assert isinstance(claim, Claim)
    assert set(claim.messages[0].recipients) == set(phones) - set(phones[::5])
    assert world.views.status(job).counts[RecipientState.WITHHELD] == 500
