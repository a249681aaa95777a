"""Doubt about gathered sends: one that may be out stays in its job, and is not sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from smsq.errors import InvalidMessageError, KeyConflictError
from smsq.models import JobState, RecipientState, ReportRow
from smsq.operate.stuck_jobs import StuckJobs
from smsq.records.jobs import Claim, Idempotency
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from tests.smsq.gathering.test_gathering import close, gather, job_of, new_send, phone
from tests.smsq.ledger.test_doubt import BY, DEAD, LOST, REFUSED, TEMPORARY, tell_receipt
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World


@pytest.fixture
def operator(settings: Settings, world: World) -> Iterator[StuckJobs]:
    made = StuckJobs(settings, world.redis, by=BY)
    yield made
    made.close()


def lose_two(world: World, **options: object) -> tuple[Claim, str, str]:
    """A gathered job of two sends whose first answer was lost; the first has the options."""
    first, second = gather(world, 0, **options), gather(world, 1)
    close(world)
    claim = world.claim(job_of(first))
    world.claims.settle(claim, LOST, PLAN)
    return claim, first, second


def cancel_one(world: World, own_id: str) -> None:
    assert world.ledger.cancel(own_id) is JobState.UNKNOWN


def let_one_expire(world: World, own_id: str) -> None:
    world.pass_s(60)


WAYS_OUT: dict[Callable[[World, str], None], JobState] = {
    cancel_one: JobState.CANCELLED,
    let_one_expire: JobState.EXPIRED,
}
every_way_out = pytest.mark.parametrize("leave", WAYS_OUT, ids=lambda leave: leave.__name__)


def state(world: World, own_id: str) -> JobState:
    return world.views.status(own_id).state


@every_way_out
def test_a_send_that_may_be_out_stays_in_its_job_and_is_not_sent_again(
    world: World, leave: Callable[[World, str], None]
) -> None:
    claim, first, second = lose_two(world, expires_in_s=60)
    leave(world, first)
    again = world.claim(claim.job_id)
    assert list(again.messages[0].recipients) == [phone(1)]
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 2

    world.claims.settle(again, ACCEPTED, PLAN)
    # The accepted request went without it: what became of the first one nobody knows.
    assert (state(world, first), state(world, second)) == (JobState.UNKNOWN, JobState.ACCEPTED)
    world.pass_s(6)
    rows = [ReportRow(phone(n), "delivered", None) for n in (0, 1)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=60)
    assert (state(world, first), state(world, second)) == (JobState.DONE, JobState.DONE)
    assert "reports_foreign" not in world.views.stats(10).oddities


@every_way_out
@pytest.mark.parametrize("is_claimed_again", [False, True])
def test_a_send_leaves_its_job_once_its_claim_came_to_nothing(
    world: World, leave: Callable[[World, str], None], is_claimed_again: bool
) -> None:
    claim, first, _ = lose_two(world, expires_in_s=60)
    leave(world, first)
    if is_claimed_again:
        again = world.claim(claim.job_id)
        world.claims.settle(claim, TEMPORARY, PLAN)
        world.claims.settle(again, ACCEPTED, PLAN)
    else:
        world.claims.settle(claim, TEMPORARY, PLAN)
        again = world.claim(claim.job_id)

    assert list(again.messages[0].recipients) == [phone(1)]
    assert state(world, first) is WAYS_OUT[leave]
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 1


@every_way_out
@pytest.mark.parametrize("tell", ["receipt", "answer"])
def test_a_send_that_was_out_after_all_is_accepted_with_its_job(
    world: World, leave: Callable[[World, str], None], tell: str
) -> None:
    claim, first, second = lose_two(world, expires_in_s=60)
    leave(world, first)
    if tell == "receipt":
        tell_receipt(world, claim.job_id)
    else:
        world.claims.settle(claim, ACCEPTED, PLAN)

    assert (state(world, first), state(world, second)) == (JobState.ACCEPTED, JobState.ACCEPTED)
    assert world.take() is None


def test_who_opted_out_of_an_attempt_that_was_accepted_may_still_be_out_of_the_lost_one(
    world: World, settings: Settings
) -> None:
    claim, first, second = lose_two(world)
    OptOuts(world.scripts, settings).add([phone(0)])
    again = world.claim(claim.job_id)
    assert list(again.messages[0].recipients) == [phone(1)]
    world.claims.settle(again, ACCEPTED, PLAN)
    assert (state(world, first), state(world, second)) == (JobState.UNKNOWN, JobState.ACCEPTED)

    world.claims.settle(claim, TEMPORARY, PLAN)
    assert state(world, first) is JobState.DONE
    assert world.views.status(first).counts == {RecipientState.WITHHELD: 1}


def test_who_opted_out_of_what_may_be_out_is_not_sent_to_after_coming_back(
    world: World, settings: Settings
) -> None:
    claim, first, _ = lose_two(world)
    optouts = OptOuts(world.scripts, settings)
    optouts.add([phone(0)])
    world.claims.settle(world.claim(claim.job_id), LOST, PLAN)
    optouts.remove([phone(0)])
    world.pass_s(5)
    world.recover()

    assert list(world.claim(claim.job_id).messages[0].recipients) == [phone(1)]
    assert state(world, first) is JobState.UNKNOWN


def deny_two_claims(world: World) -> tuple[Claim, str, str]:
    """Both attempts were answered no; the second went without the first send."""
    first, second = gather(world, 0), gather(world, 1)
    close(world)
    world.claims.settle(world.claim(job_of(first)), TEMPORARY, PLAN)
    assert world.ledger.cancel(first) is JobState.CANCELLED
    world.pass_s(5)
    world.recover()
    newest = world.claim(job_of(first))
    world.claims.settle(newest, TEMPORARY, PLAN)
    return newest, first, second


def test_proof_against_two_answers_leaves_open_what_only_the_older_request_had(
    world: World,
) -> None:
    newest, first, second = deny_two_claims(world)
    tell_receipt(world, newest.job_id)

    assert (state(world, first), state(world, second)) == (JobState.UNKNOWN, JobState.ACCEPTED)
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 2
    world.pass_s(6)
    rows = [ReportRow(phone(n), "delivered", None) for n in (0, 1)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=60)
    assert (state(world, first), state(world, second)) == (JobState.DONE, JobState.DONE)


def test_proof_is_of_a_claim_in_doubt_where_there_is_one(world: World) -> None:
    first, second = gather(world, 0), gather(world, 1)
    close(world)
    world.claims.settle(world.claim(job_of(first)), TEMPORARY, PLAN)
    world.ledger.cancel(first)
    world.pass_s(5)
    world.recover()
    world.claims.settle(world.claim(job_of(first)), LOST, PLAN)
    tell_receipt(world, job_of(first))

    assert (state(world, first), state(world, second)) == (JobState.CANCELLED, JobState.ACCEPTED)


def test_an_acceptance_says_which_request_it_is_of(world: World) -> None:
    """The receipt came before the answer."""
    first, second = gather(world, 0), gather(world, 1)
    close(world)
    world.claims.settle(world.claim(job_of(first)), TEMPORARY, PLAN)
    world.ledger.cancel(first)
    world.pass_s(5)
    world.recover()
    newest = world.claim(job_of(first))
    tell_receipt(world, newest.job_id)
    world.claims.settle(newest, ACCEPTED, PLAN)

    assert (state(world, first), state(world, second)) == (JobState.CANCELLED, JobState.ACCEPTED)
    tell_receipt(world, newest.job_id)
    assert state(world, first) is JobState.CANCELLED


def test_many_sends_that_left_are_all_back_once_they_are_proven(world: World) -> None:
    """More than one call looks at."""
    sends = [replace(new_send(world, n), most=300) for n in range(200)]
    own = [world.ledger.gather(send, Idempotency())[0] for send in sends]
    close(world)
    job = job_of(own[0])
    world.claims.settle(world.claim(job), TEMPORARY, PLAN)
    for own_id in own[:-1]:
        world.ledger.cancel(own_id)
    tell_receipt(world, job)
    for _ in range(10):
        world.recover()

    assert {state(world, own_id) for own_id in own} == {JobState.ACCEPTED}
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 200


@every_way_out
def test_a_job_all_of_whose_sends_may_be_out_and_not_be_sent_again_is_unknown(
    world: World, operator: StuckJobs, leave: Callable[[World, str], None]
) -> None:
    own_id = gather(world, 0, expires_in_s=60)
    close(world)
    claim = world.claim(job_of(own_id))
    world.claims.settle(claim, LOST, PLAN)
    leave(world, own_id)
    assert world.take() is None

    assert world.state(claim.job_id) is state(world, own_id) is JobState.UNKNOWN
    with pytest.raises(InvalidMessageError, match="is not sent any more"):
        operator.resend(claim.job_id)
    world.claims.settle(claim, REFUSED, PLAN)
    assert state(world, own_id) is WAYS_OUT[leave]


def test_a_send_that_is_unknown_can_be_taken_out_of_what_an_operator_resends(
    world: World, operator: StuckJobs
) -> None:
    claim, first, _ = lose_two(world)
    again = world.claim(claim.job_id)
    world.claims.settle(again, replace(UNKNOWN, error_class="unknown"), PLAN)
    cancel_one(world, first)
    operator.resend(claim.job_id)

    assert list(world.claim(claim.job_id).messages[0].recipients) == [phone(1)]


def test_a_cancelled_send_of_a_dead_job_is_not_retried(world: World, operator: StuckJobs) -> None:
    claim, first, _ = lose_two(world)
    world.claims.settle(claim, TEMPORARY, PLAN)
    world.claims.settle(world.claim(claim.job_id), DEAD, PLAN)
    assert world.ledger.cancel(first) is JobState.CANCELLED
    operator.retry(claim.job_id)

    assert list(world.claim(claim.job_id).messages[0].recipients) == [phone(1)]


def test_a_key_sends_again_what_is_dead_and_not_what_may_be_out(
    world: World, operator: StuckJobs
) -> None:
    once = Idempotency(key="k", content="c")
    own_id, _ = world.ledger.gather(new_send(world, 0), once)
    gather(world, 1)
    close(world)
    claim = world.claim(job_of(own_id))
    world.claims.settle(claim, LOST, PLAN)
    cancel_one(world, own_id)
    with pytest.raises(KeyConflictError, match="unknown"):
        world.ledger.gather(new_send(world, 0), replace(once, is_again=True))

    world.claims.settle(claim, TEMPORARY, PLAN)
    assert state(world, own_id) is JobState.CANCELLED
    again, _ = world.ledger.gather(new_send(world, 0), replace(once, is_again=True))
    assert again.is_new
    close(world)
    for job in (job_of(again), claim.job_id):
        one = world.take()
        assert isinstance(one, Claim), job
        world.claims.settle(one, DEAD, PLAN)
    third, _ = world.ledger.gather(new_send(world, 0), replace(once, is_again=True))
    assert third.is_new
    with pytest.raises(InvalidMessageError, match="is cancelled"):
        operator.retry(job_of(again))
