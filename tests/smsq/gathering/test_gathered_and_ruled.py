"""Gathered sends under the rules of sending: withheld, held back, capped, each for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.events.events import RecipientEvent, read_entry
from smsq.models import JobState, RecipientState, ReportRow
from smsq.records.jobs import Claim, Idempotency
from smsq.rules.optouts import OptOuts
from tests.smsq.gathering.test_gathering import close, gather, job_of, new_send, phone, sent
from tests.smsq.rules.test_rules import LATER, set_rules
from tests.smsq.world import ACCEPTED, PLAN, World

LOST = Verdict(state=JobState.WAITING, delay_s=1, error="lost", error_class="unknown")


def opt_out(world: World, n: int) -> None:
    OptOuts(world.scripts, world.settings).add([phone(n)])


def sent_now(world: World) -> set[str]:
    """Whom the next request goes to."""
    claim = world.take()
    return set(sent(claim)) if isinstance(claim, Claim) else set()


def test_each_send_of_a_large_job_has_its_own_status(world: World) -> None:
    """A thousand may be gathered, so their job has many buckets."""
    own = []
    for n in range(0, 300, 30):
        send = replace(new_send(world, n), most=1000)
        own.append((n, world.ledger.gather(send, Idempotency())[0]))
    close(world)
    world.claims.settle(world.claim(job_of(own[0][1])), ACCEPTED, PLAN)
    world.pass_s(5)
    rows = [ReportRow(phone(n), "delivered", None) for n, _ in own]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=60)

    for n, own_id in own:
        assert world.views.status(own_id).counts == {RecipientState.DELIVERED: 1}
        assert [r.phone for r in world.views.recipients(own_id)] == [phone(n)]


@pytest.mark.parametrize("is_expiry", [False, True])
@pytest.mark.parametrize(("verdict", "goes"), [(LATER, True), (LOST, False)])
def test_a_send_that_leaves_between_two_attempts_is_not_counted_by_the_cap(
    world: World, verdict: Verdict, goes: bool, is_expiry: bool
) -> None:
    """But for one that may have arrived."""
    set_rules(world, cap=1)
    gone = gather(world, 1, expires_in_s=4 if is_expiry else None)
    gather(world, 2)
    close(world)
    world.claims.settle(world.claim(job_of(gone)), verdict, PLAN)
    if not is_expiry:
        assert world.ledger.cancel(gone) is (JobState.CANCELLED if goes else JobState.UNKNOWN)
    world.pass_s(3)
    world.recover()
    assert sent_now(world) == {phone(2)}

    gather(world, 1)
    close(world)
    assert (phone(1) in sent_now(world)) == goes


def test_a_send_that_left_and_is_out_after_all_is_counted_by_the_cap(world: World) -> None:
    set_rules(world, cap=1)
    gone = gather(world, 1)
    gather(world, 2)
    close(world)
    world.claims.settle(world.claim(job_of(gone)), LATER, PLAN)
    assert world.ledger.cancel(gone) is JobState.CANCELLED
    world.polls.apply_receipt(job_of(gone), b"{}", {1: 501}, unmatched=0, plan=PLAN)
    assert world.views.status(gone).state is JobState.ACCEPTED

    gather(world, 1)
    close(world)
    assert sent_now(world) == set()


def test_who_opts_out_between_two_attempts_is_not_counted_by_the_cap(world: World) -> None:
    set_rules(world, cap=1)
    job = job_of(gather(world, 1))
    gather(world, 2)
    close(world)
    world.claims.settle(world.claim(job), LATER, PLAN)
    opt_out(world, 1)
    close(world)
    assert sent_now(world) == {phone(2)}
    OptOuts(world.scripts, world.settings).remove([phone(1)])

    gather(world, 1)
    close(world)
    assert sent_now(world) == {phone(1)}


def test_news_of_a_withheld_send_names_it(world: World) -> None:
    own = [gather(world, n) for n in range(2)]
    opt_out(world, 1)
    close(world)
    world.claim(job_of(own[0]))

    entries: Any = world.redis.xrange(world.keys.events)
    events = [event for entry_id, fields in entries for event in read_entry(entry_id, fields)]
    told = [(e.own_id, e.new_state) for e in events if isinstance(e, RecipientEvent)]
    assert told == [(own[1], RecipientState.WITHHELD)]


def test_a_withheld_send_is_done_while_its_job_goes_on(world: World) -> None:
    first, second = gather(world, 1), gather(world, 2)
    opt_out(world, 1)
    close(world)
    world.claims.settle(world.claim(job_of(first)), LATER, PLAN)

    status = world.views.status(first)
    assert (status.state, status.error) == (JobState.DONE, None)
    assert status.counts == {RecipientState.WITHHELD: 1}
    assert world.ledger.cancel(first) is JobState.DONE
    assert world.views.status(second).state is JobState.WAITING
    assert world.ledger.cancel(second) is JobState.CANCELLED
    close(world)
    assert world.take() is None
    assert world.views.status(first).state is JobState.DONE
