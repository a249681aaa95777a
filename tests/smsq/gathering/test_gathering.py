"""Gathering: single sends share a job, and each is known by an id of its own."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from smsq.domain.outcomes import Verdict
from smsq.errors import KeyConflictError, NotFoundError
from smsq.events.events import JobEvent, RecipientEvent, read_entry
from smsq.intake.new_jobs import new_job_id
from smsq.models import JobState, Kind, RecipientState, ReportRow
from smsq.names import Queue
from smsq.records.jobs import Claim, Idempotency, NewSend
from tests.smsq.measures.measured import forget_measures
from tests.smsq.world import ACCEPTED, PLAN, RETENTION_MS, UNKNOWN, World

OPEN_S = 2
MOST = 3


def phone(n: int) -> str:
    return f"37529{1234567 + n}"


def new_send(
    world: World,
    n: int,
    *,
    job_id: str | None = None,
    group: str = "g",
    text: str | None = None,
    priority: Queue = Queue.NORMAL,
    expires_in_s: float | None = None,
) -> NewSend:
    return NewSend(
        job_id=job_id or new_job_id(),
        group=group,
        fields={
            "kind": Kind.BULK,
            "priority": priority,
            "on_unknown": "hold",
            "is_gathered": "1",
        },
        alphaname_id="123",
        priority=priority,
        phone=phone(n),
        text=text or f"text {n}",
        expires_in_ms=round(expires_in_s * 1000) if expires_in_s else None,
        most=MOST,
        open_ms=OPEN_S * 1000,
    )


def gather(world: World, n: int, **options: object) -> str:
    send = new_send(world, n, **options)  # type: ignore[arg-type]
    own_id, _ = world.ledger.gather(send, Idempotency())
    assert own_id.is_new
    return own_id


def job_of(own_id: str) -> str:
    return own_id.partition(".")[0]


def close(world: World) -> None:
    world.pass_s(OPEN_S)
    world.recover()


def sent(claim: Claim) -> dict[str, str | None]:
    [message] = claim.messages
    assert message.text is None
    return dict(message.recipients)


def test_sends_of_one_sender_share_a_job_until_it_closes(world: World) -> None:
    first, second = gather(world, 1), gather(world, 2)

    assert job_of(first) == job_of(second)
    assert [own_id.split(".")[1] for own_id in (first, second)] == ["1", "2"]
    assert world.take() is None
    close(world)
    claim = world.claim(job_of(first))
    assert claim.kind is Kind.BULK
    assert sent(claim) == {phone(1): "text 1", phone(2): "text 2"}
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 2


def test_a_full_job_closes_at_once_and_is_to_be_rung(world: World) -> None:
    own = [gather(world, n) for n in range(MOST - 1)]
    last, closed = world.ledger.gather(new_send(world, MOST), Idempotency())

    assert closed == [job_of(last)] == [job_of(own[0])]
    assert world.state(job_of(last)) is JobState.QUEUED
    assert job_of(gather(world, MOST + 1)) != job_of(last)


def test_a_job_is_full_after_so_many_sends_also_where_some_were_taken_out(world: World) -> None:
    own = [gather(world, n) for n in range(MOST - 1)]
    for send in own[1:]:
        world.ledger.cancel(send)
    last, closed = world.ledger.gather(new_send(world, MOST), Idempotency())

    assert job_of(last) == job_of(own[0])
    assert closed == [job_of(last)]
    assert world.redis.llen(f"{world.keys.namespace}:gathered:{job_of(last)}") == MOST


def test_a_job_that_is_overdue_is_closed_by_the_next_send(world: World) -> None:
    first = gather(world, 1)
    world.pass_s(OPEN_S)
    second, closed = world.ledger.gather(new_send(world, 2), Idempotency())

    assert closed == [job_of(first)]
    assert job_of(second) != job_of(first)


def test_recover_closes_a_job_when_it_is_due_and_not_before(world: World) -> None:
    own = gather(world, 1)

    world.pass_s(OPEN_S - 0.001)
    assert world.recover() == []
    world.pass_s(0.001)
    assert world.recover() == [job_of(own)]


def test_what_differs_in_what_a_request_shares_is_not_gathered_together(world: World) -> None:
    assert job_of(gather(world, 1)) != job_of(gather(world, 2, group="h"))


def test_a_phone_that_comes_again_goes_into_another_open_job(world: World) -> None:
    own = [gather(world, 1, text=f"text {i}") for i in range(4)]
    assert len({job_of(each) for each in own}) == 4
    assert job_of(gather(world, 2)) == job_of(own[0])

    fifth, closed = world.ledger.gather(new_send(world, 1), Idempotency())
    assert closed == [job_of(own[0])]
    assert job_of(fifth) not in {job_of(each) for each in own}


@pytest.mark.parametrize("how", ["queued", "claimed", "cancelled", "back"])
def test_a_job_that_was_moved_takes_no_more_sends(world: World, how: str) -> None:
    job = job_of(gather(world, 1))
    if how == "cancelled":
        world.ledger.cancel(job)
    else:
        close(world)
    if how in {"claimed", "back"}:
        claim = world.claim(job)
        if how == "back":  # waits again, but for another reason
            world.claims.settle(claim, Verdict(state=JobState.WAITING, delay_s=60), PLAN)

    assert job_of(gather(world, 2)) != job
    ended = RecipientState.UNDELIVERED if how == "cancelled" else RecipientState.PENDING
    assert world.views.status(job).counts == {ended: 1}


def test_the_same_key_returns_the_same_own_id_and_another_text_is_a_conflict(world: World) -> None:
    once = Idempotency(key="k" * 32, content="c" * 32)
    own, _ = world.ledger.gather(new_send(world, 1), once)
    close(world)

    assert world.ledger.gather(new_send(world, 1), once) == (own, [])
    other = Idempotency(key="k" * 32, content="d" * 32)
    with pytest.raises(KeyConflictError, match=own):
        world.ledger.gather(new_send(world, 1, text="other"), other)
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 1


def test_the_status_of_an_own_id_is_that_of_its_recipient_alone(world: World) -> None:
    first, second = gather(world, 1), gather(world, 2)
    assert world.views.status(first).state is JobState.WAITING
    close(world)
    assert world.views.status(first).state is JobState.QUEUED
    claim = world.claim(job_of(first))
    world.claims.settle(claim, ACCEPTED, PLAN)
    world.pass_s(5)
    rows = [ReportRow(phone(1), "delivered", None), ReportRow(phone(2), "sent", None)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=60)

    mine, other = world.views.status(first), world.views.status(second)
    assert (mine.id, mine.state, mine.kind) == (first, JobState.DONE, Kind.BULK)
    assert mine.counts == {RecipientState.DELIVERED: 1}
    assert [m.counts for m in mine.messages] == [{RecipientState.DELIVERED: 1}]
    assert mine.messages[0].message_id == 77
    assert (other.state, other.counts) == (JobState.ACCEPTED, {RecipientState.SENT: 1})
    assert [row.phone for row in world.views.recipients(second)] == [phone(2)]
    assert world.views.status(job_of(first)).counts == {
        RecipientState.DELIVERED: 1,
        RecipientState.SENT: 1,
    }


@pytest.mark.parametrize(
    "nobody",
    [
        "j00000000000000ff.1",
        "{}.1",
        "{}.3",
        "{}.0",
        "{}.x",
        "{}.9999999",
        "{}.\uff11",
        "{}.1.",
        "{}.",
    ],
)
def test_an_own_id_of_nobody_is_not_found(world: World, nobody: str) -> None:
    job = job_of(gather(world, 1))
    some_id = nobody.format(job)
    for call in (world.views.status, world.views.job_ids, world.ledger.cancel):
        with pytest.raises(NotFoundError):
            call(some_id)


@pytest.mark.long
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_nobody_guesses_a_neighbours_own_id_from_their_own(
    world: World, data: st.DataObject
) -> None:
    own = [gather(world, n) for n in range(1, MOST + 1)]
    job, _, mine = own[0].split(".")
    near = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)
    tag = data.draw(near | st.sampled_from([mine, mine[:-1], mine + "a", mine.swapcase(), ""]))
    ordinal = data.draw(st.integers(1, MOST + 1).map(str) | st.sampled_from(["01", "1.1", "0", ""]))
    guess = data.draw(
        st.sampled_from([f"{job}.{ordinal}.{tag}", f"{job}.{ordinal}{tag}", f"{job}.{tag}"])
    )
    assume(guess not in own)

    for call in (
        world.views.status,
        world.views.job_ids,
        list_recipients(world),
        world.ledger.cancel,
    ):
        with pytest.raises(NotFoundError):
            call(guess)
    assert {world.views.status(own_id).state for own_id in own} == {JobState.QUEUED}


def list_recipients(world: World) -> Callable[[str], object]:
    return lambda some_id: list(world.views.recipients(some_id))


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_an_own_id_given_before_there_were_tags_stays_good(
    world: World, is_cancelled: bool
) -> None:
    own_id = gather(world, 1)
    old_id, _, tag = own_id.rpartition(".")
    rows = world.keys.gathered(job_of(own_id))
    world.redis.lset(rows, 0, str(world.redis.lindex(rows, 0)).removesuffix(f".{tag}"))

    assert [row.phone for row in world.views.recipients(old_id)] == [phone(1)]
    if is_cancelled:
        assert world.ledger.cancel(old_id) is JobState.CANCELLED
    wanted = JobState.CANCELLED if is_cancelled else JobState.WAITING
    assert (world.views.status(old_id).state, world.views.status(old_id).id) == (wanted, old_id)
    with pytest.raises(NotFoundError):
        world.views.status(own_id)


def test_a_quick_job_has_no_own_ids(world: World) -> None:
    job = world.enqueue()
    with pytest.raises(NotFoundError):
        world.views.status(f"{job}.1")
    with pytest.raises(NotFoundError):
        world.ledger.cancel(f"{job}.1")


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_cancelled_send_leaves_its_job_alone(world: World, is_closed: bool) -> None:
    first, second = gather(world, 1), gather(world, 2)
    if is_closed:
        close(world)

    assert world.ledger.cancel(first) is JobState.CANCELLED
    assert world.ledger.cancel(first) is JobState.CANCELLED  # it stays so
    assert world.views.status(first).state is JobState.CANCELLED
    assert world.views.status(first).counts == {}
    assert list(world.views.recipients(first)) == []
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 1
    if not is_closed:
        close(world)
    assert sent(world.claim(job_of(second))) == {phone(2): "text 2"}
    assert world.ledger.cancel(second) is JobState.SUBMITTING
    assert world.ledger.cancel(first) is JobState.CANCELLED


def test_a_phone_whose_send_was_cancelled_can_join_the_same_job_again(world: World) -> None:
    first = gather(world, 1)
    gather(world, 2)
    world.ledger.cancel(first)
    again = gather(world, 1, text="better")

    assert again.startswith(f"{job_of(first)}.3.")
    assert world.views.status(first).state is JobState.CANCELLED
    close(world)
    assert sent(world.claim(job_of(again))) == {phone(1): "better", phone(2): "text 2"}


def test_the_last_cancelled_send_takes_its_job_with_it(world: World) -> None:
    first, second = gather(world, 1), gather(world, 2)
    world.ledger.cancel(first)
    world.ledger.cancel(second)

    assert world.state(job_of(first)) is JobState.CANCELLED
    close(world)
    assert world.take() is None
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 0


def test_a_cancelled_job_is_cancelled_for_all_its_sends(world: World) -> None:
    own = gather(world, 1)
    world.ledger.cancel(job_of(own))

    assert world.views.status(own).state is JobState.CANCELLED
    assert world.ledger.cancel(own) is JobState.CANCELLED


def test_a_send_whose_time_has_passed_is_left_out_when_the_request_is_built(world: World) -> None:
    late = gather(world, 1, expires_in_s=10)
    later, patient = gather(world, 2, expires_in_s=100), gather(world, 3)
    world.recover()
    world.pass_s(10)

    assert sent(world.claim(job_of(late))) == {phone(2): "text 2", phone(3): "text 3"}
    assert world.views.status(late).state is JobState.EXPIRED
    assert world.views.status(late).counts == {}
    assert world.views.status(later).state is JobState.SUBMITTING
    assert world.views.status(patient).state is JobState.SUBMITTING
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 2
    assert world.ledger.cancel(late) is JobState.EXPIRED


def test_a_job_all_of_whose_sends_are_late_is_not_sent(world: World) -> None:
    first, last = gather(world, 1, expires_in_s=10), gather(world, 2, expires_in_s=20)
    close(world)
    world.pass_s(10)
    assert world.views.status(last).state is JobState.QUEUED
    world.pass_s(10)
    world.recover()

    assert world.state(job_of(first)) is JobState.EXPIRED
    assert {world.views.status(own).state for own in (first, last)} == {JobState.EXPIRED}
    assert world.take() is None


def test_a_job_of_late_sends_expires_in_the_hands_of_whoever_claims_it(world: World) -> None:
    own, patient = gather(world, 1, expires_in_s=10), gather(world, 2)
    world.ledger.cancel(patient)
    close(world)
    world.pass_s(10)

    assert world.take() is None
    assert world.views.status(own).state is JobState.EXPIRED
    assert world.state(job_of(own)) is JobState.EXPIRED
    assert not world.redis.exists(f"{world.keys.namespace}:texts:{job_of(own)}:1")


def test_a_send_without_an_expiry_does_not_expire_with_the_others(world: World) -> None:
    for order in ((5, None), (None, 5)):
        own = [gather(world, n, expires_in_s=s) for n, s in enumerate(order)]
        patient = own[order.index(None)]
        close(world)
        world.pass_s(100)
        world.recover()
        assert list(sent(world.claim(job_of(patient)))) == [phone(order.index(None))]


def test_a_lost_request_makes_every_send_unknown_and_a_receipt_settles_them(world: World) -> None:
    own = [gather(world, n) for n in range(2)]
    close(world)
    world.claims.settle(world.claim(job_of(own[0])), UNKNOWN, PLAN)
    assert {world.views.status(each).state for each in own} == {JobState.UNKNOWN}
    assert world.ledger.cancel(own[0]) is JobState.UNKNOWN

    world.polls.apply_receipt(job_of(own[0]), b"{}", {1: 501}, unmatched=0, plan=PLAN)
    assert {world.views.status(each).state for each in own} == {JobState.ACCEPTED}


def test_texts_are_forgotten_once_the_gateway_has_them(world: World) -> None:
    def keys_with_the_text() -> set[str]:
        keys = world.redis.scan_iter(f"{world.keys.namespace}:*")
        return {key for key in keys if b"secret" in (world.redis.dump(key) or b"")}

    own = gather(world, 1, text="secret")
    close(world)
    assert keys_with_the_text() == {f"{world.keys.namespace}:texts:{job_of(own)}:1"}
    world.claims.settle(world.claim(job_of(own)), ACCEPTED, PLAN)
    assert keys_with_the_text() == set()


def test_nothing_that_a_gathered_job_wrote_outlives_its_retention(world: World) -> None:
    own = [gather(world, n, expires_in_s=50) for n in range(2)]
    world.ledger.cancel(own[0])
    close(world)
    world.claims.settle(world.claim(job_of(own[0])), Verdict(state=JobState.REJECTED), PLAN)
    world.pass_s(RETENTION_MS / 1000)
    world.recover()

    with pytest.raises(NotFoundError):
        world.views.status(own[1])
    left = set(world.redis.scan_iter(f"{world.keys.namespace}:*"))
    kept = {k for k in forget_measures(left) if world.redis.ttl(k) == -1}
    assert kept <= {world.keys.counts, world.keys.limiter}
    assert not any(world.views.stats(10).recipients.values())


def test_news_of_a_recipient_names_its_send(world: World) -> None:
    own = [gather(world, n) for n in range(2)]
    gone = gather(world, 2, expires_in_s=3)
    world.pass_s(3)
    world.claims.settle(world.claim(job_of(gone)), ACCEPTED, PLAN)
    world.pass_s(5)
    rows = [ReportRow(phone(1), "delivered", None), ReportRow(phone(0), "sent", None)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=60)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()

    entries: Any = world.redis.xrange(world.keys.events)
    events = [event for entry_id, fields in entries for event in read_entry(entry_id, fields)]
    told = {(e.own_id, e.new_state) for e in events if isinstance(e, RecipientEvent)}
    assert told == {
        (own[1], RecipientState.DELIVERED),
        (own[0], RecipientState.SENT),
        (own[0], RecipientState.NO_REPORT),
        (gone, RecipientState.UNDELIVERED),
    }
    jobs = [(e.job_id, e.new_state) for e in events if isinstance(e, JobEvent)]
    assert (gone, JobState.EXPIRED) in jobs
    assert not any(phone(n) in str(event) for event in events for n in range(3))


def lose_an_answer(world: World, own_id: str) -> str:
    """A job that is to be sent again, though its first attempt may be out."""
    job = job_of(own_id)
    close(world)
    again = Verdict(state=JobState.QUEUED, error="no answer", error_class="unknown")
    world.claims.settle(world.claim(job), again, PLAN)
    return job


def test_sends_that_may_be_out_are_unknown_when_the_last_of_them_is_late(world: World) -> None:
    job = lose_an_answer(world, gather(world, 1, expires_in_s=60))
    world.pass_s(60)
    assert world.take() is None

    assert world.state(job) is JobState.UNKNOWN
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 1
