"""Doubt and proof: what may be out is never said not to be, what is proven is never sent again.

Each way in which a job can end is tried with an answer lost before it, and with each
kind of news after it. The state machines mix them: test_job_life, test_gathered_life,
test_all_together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest

from smsq.campaigns.brakes import Brakes
from smsq.delivery.matching import Matching
from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError
from smsq.models import (
    FINAL_JOB_STATES,
    JobState,
    Kind,
    OnUnknown,
    RecipientState,
    ReportRow,
    Settlement,
)
from smsq.operate.stuck_jobs import StuckJobs
from smsq.records.jobs import Claim
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from smsq.store.lua.parts import pick, read_definitions
from smsq.store.scripts import find_files
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World

BY = "ops@host"
LOST = Verdict(state=JobState.QUEUED, error="no answer", error_class="unknown")
TEMPORARY = Verdict(state=JobState.WAITING, delay_s=1, error="503", error_class="temporary")
REFUSED = Verdict(state=JobState.REJECTED, error="no such sender", error_class="refused")
DEAD = Verdict(state=JobState.DEAD, error="gave up: 503", error_class="temporary")
EXPIRES_S = 600
PARTS = ("lib", "doubt")
#: The gateway has what is in one of these.
HELD = {JobState.ACCEPTED, JobState.DONE}


@pytest.fixture
def operator(settings: Settings, world: World) -> Iterator[StuckJobs]:
    made = StuckJobs(settings, world.redis, by=BY)
    yield made
    made.close()


def lose(world: World, *, expires_in_s: int = 86400) -> Claim:
    """A job whose first answer was lost, and which is in the line again as asked."""
    expires_at_ms = str(world.now_ms + expires_in_s * 1000)
    draft = world.start_campaign(1, on_unknown="resend", expires_at_ms=expires_at_ms)
    [job] = draft.job_ids
    claim = world.claim(job)
    world.claims.settle(claim, LOST, PLAN)
    assert world.state(job) is JobState.QUEUED
    return claim


def tell_receipt(world: World, job: str) -> None:
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)


def cancel(world: World, job: str) -> None:
    assert world.ledger.cancel(job) is JobState.UNKNOWN


def call_off(world: World, job: str) -> None:
    world.brakes.cancel(campaign_of(world, job), by=BY)
    world.align()


def call_off_before_a_claim(world: World, job: str) -> None:
    world.brakes.cancel(campaign_of(world, job), by=BY)
    assert world.take() is None


def wait_too_long(world: World, job: str) -> None:
    world.pass_s(EXPIRES_S)
    assert world.take() is None


def wait_too_long_for_beat(world: World, job: str) -> None:
    world.pass_s(EXPIRES_S)
    assert world.recover() == []


def refuse(world: World, job: str) -> None:
    world.claims.settle(world.claim(job), REFUSED, PLAN)


def give_up(world: World, job: str) -> None:
    world.claims.settle(world.claim(job), DEAD, PLAN)


def come_too_late(world: World, job: str) -> None:
    late = Verdict(state=JobState.EXPIRED, error="not sent in time", is_counted=False)
    world.claims.settle(world.claim(job), late, PLAN)


def opt_out(world: World, job: str) -> None:
    OptOuts(world.scripts, world.settings).add([r.phone for r in world.views.recipients(job)])
    assert world.take() is None


def campaign_of(world: World, job: str) -> str:
    return str(world.redis.hget(world.keys.job(job), "campaign"))


#: Each way to end a job, and how it ends where no doubt is left.
ENDS: dict[Callable[[World, str], None], JobState] = {
    cancel: JobState.CANCELLED,
    call_off: JobState.CANCELLED,
    call_off_before_a_claim: JobState.CANCELLED,
    wait_too_long: JobState.EXPIRED,
    wait_too_long_for_beat: JobState.EXPIRED,
    refuse: JobState.REJECTED,
    give_up: JobState.DEAD,
    come_too_late: JobState.EXPIRED,
    opt_out: JobState.DONE,
}
every_end = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)


def end_in_doubt(world: World, end: Callable[[World, str], None]) -> Claim:
    claim = lose(world, expires_in_s=EXPIRES_S)
    end(world, claim.job_id)
    assert world.state(claim.job_id) is JobState.UNKNOWN
    assert "may have been accepted" in (world.views.status(claim.job_id).error or "")
    world.pass_s(100)
    assert world.recover() == []
    assert world.take() is None
    return claim


def test_every_state_that_is_wanted_for_a_job_is_weighed(world: World) -> None:
    parts = [one for part in PARTS for one in read_definitions(find_files()[part].read_text())]
    user = "return weigh({state = ARGV[2], is_proven = ARGV[4], may_be_out = ARGV[5]}, ARGV[3])"
    user = user.replace("ARGV[4]", "ARGV[4] == '1' and '1' or nil")
    user = user.replace("ARGV[5]", "ARGV[5] == '1' and '1' or nil")
    picked = pick(parts, read_definitions(user))
    weigh = world.redis.register_script("".join(one.text for one in picked) + user)
    for state, wanted, is_proven, may_be_out in product(JobState, JobState, (0, 1), (0, 1)):
        now = weigh(args=["ns", state, wanted, is_proven, may_be_out])
        if state in HELD or wanted is JobState.ACCEPTED:
            assert now == wanted
        elif is_proven:
            assert now == JobState.ACCEPTED
        elif may_be_out:
            assert now == (JobState.UNKNOWN if wanted in FINAL_JOB_STATES else wanted)
        else:
            assert now == wanted


def test_only_move_writes_a_jobs_state() -> None:
    """And it asks `weigh`, so no exit can forget to."""
    writes = re.compile(r"""['"]HM?SET(?:NX)?['"][^\n]*['"]state['"]""")
    found = [name for name, file in find_files().items() if writes.search(file.read_text())]
    assert found == ["move"]


@every_end
def test_whatever_ends_a_job_in_doubt_makes_it_unknown(
    world: World, operator: StuckJobs, end: Callable[[World, str], None]
) -> None:
    claim = end_in_doubt(world, end)

    assert world.views.stats(10).recipients[RecipientState.PENDING] == 1
    assert [job.id for job in operator.find(JobState.UNKNOWN)] == [claim.job_id]
    with pytest.raises(InvalidMessageError, match="unknown: there is nothing to retry"):
        operator.retry(claim.job_id)


@every_end
@pytest.mark.parametrize("tell", ["receipt", "answer", "attach", "operator"])
def test_proof_wins_from_wherever_the_job_went(
    world: World, operator: StuckJobs, end: Callable[[World, str], None], tell: str
) -> None:
    claim = end_in_doubt(world, end)
    if tell == "receipt":
        tell_receipt(world, claim.job_id)
    elif tell == "answer":
        assert world.claims.settle(claim, ACCEPTED, PLAN) or end in {refuse, give_up, come_too_late}
    elif tell == "attach":
        matching = Matching(world.scripts, world.polls, PLAN)
        assert matching.write(claim.job_id, {0: 501}, what="operator: attach")[0] == "ok"
    else:
        operator.settle(claim.job_id, Settlement.ACCEPTED)

    assert world.state(claim.job_id) is JobState.ACCEPTED
    assert world.take() is None


@every_end
def test_the_lost_answer_itself_takes_the_doubt_back_however_late(
    world: World, end: Callable[[World, str], None]
) -> None:
    claim = end_in_doubt(world, end)
    world.claims.settle(claim, TEMPORARY, PLAN)
    if end is opt_out:  # the rules take them out once more, and now for certain
        assert world.take() is None

    assert world.state(claim.job_id) is ENDS[end]
    found = world.campaign(campaign_of(world, claim.job_id))
    if end is opt_out:
        assert found.counts == {RecipientState.WITHHELD: 1}
    else:
        assert found.unsent == {ENDS[end]: 1}


@every_end
def test_an_end_without_doubt_is_what_it_was_and_proof_still_wins(
    world: World, end: Callable[[World, str], None]
) -> None:
    claim = lose(world, expires_in_s=EXPIRES_S)
    world.claims.settle(claim, TEMPORARY, PLAN)  # the answer comes after all: nothing was taken
    if end is cancel:
        assert world.ledger.cancel(claim.job_id) is JobState.CANCELLED
    else:
        end(world, claim.job_id)
    assert world.state(claim.job_id) is ENDS[end]

    tell_receipt(world, claim.job_id)
    assert world.state(claim.job_id) is (JobState.DONE if end is opt_out else JobState.ACCEPTED)
    world.pass_s(6)
    poll = world.claim_poll()
    rows = [ReportRow(r.phone, "delivered", None) for r in world.views.recipients(claim.job_id)]
    world.polls.apply_page(poll, rows, next_offset=0, next_in_s=60)
    assert world.state(claim.job_id) is JobState.DONE
    assert world.views.status(claim.job_id).counts == {RecipientState.DELIVERED: 1}


@every_end
@pytest.mark.parametrize("is_doubted", [False, True])
def test_a_report_is_proof_too(
    world: World, end: Callable[[World, str], None], is_doubted: bool
) -> None:
    claim = lose(world, expires_in_s=EXPIRES_S)
    if not is_doubted:
        world.claims.settle(claim, TEMPORARY, PLAN)
    if end is not cancel:
        end(world, claim.job_id)
    else:
        world.ledger.cancel(claim.job_id)
    world.redis.hset(world.keys.message(claim.job_id, 1), "message_id", 501)
    [recipient] = world.views.recipients(claim.job_id)
    rows = [ReportRow(recipient.phone, "sent", None)]
    world.polls.apply_page(world.poll_of(claim.job_id), rows, next_offset=0, next_in_s=60)
    world.recover()

    if end is opt_out and not is_doubted:
        assert world.state(claim.job_id) is JobState.DONE  # withheld: only `delivered` overrides it
    else:
        assert world.state(claim.job_id) is JobState.ACCEPTED
    assert not isinstance(world.take(), Claim)


def test_a_lost_answer_that_comes_is_not_taken_for_the_loss_told_twice(world: World) -> None:
    job = world.enqueue(on_unknown=OnUnknown.RESEND)
    claim = world.claim(job)
    world.claims.settle(claim, replace(TEMPORARY, error_class="unknown"), PLAN)
    cancel(world, job)
    world.claims.settle(claim, TEMPORARY, PLAN)

    assert world.state(job) is JobState.CANCELLED


def test_each_claim_takes_back_its_own_doubt_and_no_other(world: World) -> None:
    first = lose(world)
    second = world.claim(first.job_id)
    world.claims.settle(second, LOST, PLAN)
    cancel(world, first.job_id)

    assert not world.claims.settle(first, TEMPORARY, PLAN)
    assert world.state(first.job_id) is JobState.UNKNOWN
    world.claims.settle(second, REFUSED, PLAN)
    assert world.state(first.job_id) is JobState.CANCELLED


@pytest.mark.parametrize("is_newer_refused", [False, True])
def test_an_old_acceptance_is_proof_while_a_newer_claim_is_on_its_way(
    world: World, is_newer_refused: bool
) -> None:
    old = lose(world)
    new = world.claim(old.job_id)
    world.claims.settle(old, ACCEPTED, PLAN)
    assert world.state(old.job_id) is JobState.SUBMITTING

    if is_newer_refused:
        world.claims.settle(new, REFUSED, PLAN)
    else:
        world.pass_s(31)
        world.recover()
    assert world.state(old.job_id) is JobState.ACCEPTED
    assert world.views.status(old.job_id).messages[0].message_id == ACCEPTED.message_id


def test_a_cancel_of_an_unknown_job_holds_should_its_answer_come(
    world: World, operator: StuckJobs
) -> None:
    job = world.enqueue()
    claim = world.claim(job)
    world.claims.settle(claim, UNKNOWN, PLAN)
    assert world.ledger.cancel(job) is JobState.UNKNOWN
    with pytest.raises(InvalidMessageError, match="was cancelled meanwhile"):
        operator.resend(job)

    world.claims.settle(claim, TEMPORARY, PLAN)
    assert world.state(job) is JobState.CANCELLED
    assert world.redis.hget(world.keys.message(job, 1), "text") is None


@pytest.mark.parametrize("said", ["proven", "may be out"])
def test_dead_jobs_of_older_ledgers_are_not_retried_where_they_may_be_out(
    world: World, operator: StuckJobs, said: str
) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), DEAD, PLAN)
    name = "is_proven" if said == "proven" else "may_be_out"
    world.redis.hset(world.keys.job(job), name, "1")

    for is_dry in (True, False):
        with pytest.raises(InvalidMessageError, match=r"sent again|send it twice"):
            operator.retry(job, is_dry=is_dry)
    assert world.take() is None
    if said == "may be out":
        operator.resend(job)
        assert world.claim(job)


def test_a_receipt_moves_a_dead_job_to_accepted_and_nothing_retries_it(
    world: World, operator: StuckJobs
) -> None:
    job = world.enqueue(kind=Kind.BULK)
    world.claims.settle(world.claim(job), DEAD, PLAN)
    tell_receipt(world, job)

    assert world.state(job) is JobState.ACCEPTED
    assert list(operator.find(JobState.DEAD)) == []
    with pytest.raises(InvalidMessageError, match="accepted"):
        operator.retry(job)
    world.pass_s(6)
    assert world.claim_poll()


def test_a_cancelled_dead_job_loses_its_text_and_cannot_be_retried(
    world: World, operator: StuckJobs
) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), DEAD, PLAN)

    assert world.ledger.cancel(job) is JobState.CANCELLED
    assert world.redis.hget(world.keys.message(job, 1), "text") is None
    assert list(operator.find(JobState.DEAD)) == []
    with pytest.raises(InvalidMessageError, match="is cancelled"):
        operator.retry(job)


@pytest.mark.parametrize("is_aligned", [False, True])
def test_a_campaign_of_which_only_dead_jobs_are_left_can_be_cancelled(
    world: World, operator: StuckJobs, is_aligned: bool
) -> None:
    draft = world.start_campaign(20, per_job=10)
    first, last = world.take(), world.take()
    assert isinstance(first, Claim)
    assert isinstance(last, Claim)
    world.claims.settle(first, ACCEPTED, PLAN)
    world.claims.settle(last, DEAD, PLAN)

    assert world.brakes.cancel(draft.id, by=BY)
    if is_aligned:
        world.align()
        assert world.campaign(draft.id).unsent == {JobState.CANCELLED: 10}
    with pytest.raises(InvalidMessageError):
        operator.retry(last.job_id)
    assert world.take() is None


def test_what_is_given_up_after_its_campaign_was_cancelled_is_cancelled(world: World) -> None:
    draft = world.start_campaign(1)
    claim = world.claim(draft.job_ids[0])
    Brakes(world.scripts).cancel(draft.id, by=BY)
    world.claims.settle(claim, DEAD, PLAN)

    assert world.state(claim.job_id) is JobState.CANCELLED


@pytest.mark.parametrize("verdict", [TEMPORARY, REFUSED, LOST, UNKNOWN, DEAD, ACCEPTED])
@pytest.mark.parametrize("is_claimed_again", [False, True])
def test_an_answer_that_is_told_twice_is_recognised(
    world: World, verdict: Verdict, is_claimed_again: bool
) -> None:
    job = world.enqueue(on_unknown=OnUnknown.RESEND)
    claim = world.claim(job)
    assert world.claims.settle(claim, verdict, PLAN)
    if is_claimed_again:
        world.pass_s(2)
        world.recover()
        world.take()
    before = world.views.status(job)

    assert world.claims.settle(claim, verdict, PLAN)
    assert world.views.status(job) == before


def test_who_opted_out_of_what_may_be_out_is_left_out_and_not_withheld(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=2, on_unknown=OnUnknown.RESEND)
    claim = world.claim(job)
    world.claims.settle(claim, LOST, PLAN)
    out, stays = sorted(claim.messages[0].recipients)
    OptOuts(world.scripts, world.settings).add([out])
    again = world.claim(job)

    assert list(again.messages[0].recipients) == [stays]
    assert world.views.status(job).counts == {RecipientState.PENDING: 2}
