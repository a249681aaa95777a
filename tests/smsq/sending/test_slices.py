"""Large jobs, worked off slice by slice: it all adds up, whoever dies between two of them."""

from __future__ import annotations

from collections import Counter
from datetime import time

import pytest

from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.domain.quiet import QuietHours
from smsq.models import JobState, MessageRequest, RecipientState
from smsq.pacing.slots import Slot
from smsq.records.jobs import Claim, Idempotency, Leases, NoClaim, Question
from smsq.rules.optouts import OptOuts
from smsq.rules.rules import RuleBook
from smsq.settings import Settings
from tests.smsq.world import PLAN, World

pytestmark = pytest.mark.long

REFUSED = Verdict(state=JobState.REJECTED, error="no", error_class="refused")
LEASES = Leases(send_ms=30_000, poll_ms=60_000)


@pytest.fixture
def world(settings: Settings) -> World:
    made = World(settings)
    made.go_to("2026-11-24T12:00")
    return made


def phone(i: int) -> str:
    """Every tenth in Poland: so regions are looked up."""
    return f"48501{200000 + i}" if i % 10 == 0 else f"37529{1000000 + i}"


def put(world: World, recipients: int, *, messages: int = 1, is_personal: bool = False) -> str:
    """A job of so many recipients, divided among so many messages."""
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=recipients)
    text = None if is_personal else "Half price"
    for n in range(messages):
        draft.start_message(
            MessageRequest(name=f"Sale {n}", alphaname_id="123", text=text, recipients={})
        )
        for i in range(n, recipients, messages):
            draft.add(phone(i), f"You owe {i}" if is_personal else None)
    draft.commit(Idempotency())
    (job,) = draft.launched
    return job


def set_cap(world: World, cap: int) -> None:
    hours = QuietHours(time(21), time(9))
    world.rule_book = RuleBook(world.scripts, quiet=hours, cap_per_day=cap, home="Europe/Minsk")


def begin(world: World) -> Claim:
    """Claim what waits, with its first slice alone."""
    slot = world.limiter.reserve()
    assert isinstance(slot, Slot)
    book = world.rule_book
    claim = world.claims.claim(slot, world.limiter.pace, LEASES, book.rules)
    while isinstance(claim, Question):
        book.answer(claim)
        claim = world.claims.claim(slot, world.limiter.pace, LEASES, book.rules)
    assert isinstance(claim, Claim)
    return claim


def count_cap(world: World) -> Counter[str]:
    """How many messages the cap counted, by phone."""
    counts: Counter[str] = Counter()
    for key in world.redis.scan_iter(f"{world.keys.namespace}:cap:*", count=1000):
        counts.update({str(p): int(n) for p, n in world.redis.hgetall(key).items()})
    return counts


def finish_chores(world: World) -> None:
    """Have recover go on until nothing is left to do for any job."""
    chores = f"{world.keys.namespace}:chores"
    for _ in range(200):
        world.recover()
        if not world.redis.exists(chores):
            return
    raise AssertionError(world.redis.zrange(chores, 0, -1))


@pytest.mark.parametrize(("recipients", "messages"), [(7_000, 1), (2_000, 2_000), (5_000, 7)])
@pytest.mark.parametrize("is_personal", [False, True])
def test_a_large_job_is_handed_out_whole_in_slices(
    world: World, recipients: int, messages: int, is_personal: bool
) -> None:
    put(world, recipients, messages=messages, is_personal=is_personal)
    first = begin(world)
    claim = world.prepare(first)

    assert not first.is_whole
    assert [m.name for m in claim.messages] == [f"Sale {n}" for n in range(messages)]
    handed_out = {p: text for message in claim.messages for p, text in message.recipients.items()}
    assert sum(len(message.recipients) for message in claim.messages) == recipients
    texts = {phone(i): f"You owe {i}" if is_personal else None for i in range(recipients)}
    assert handed_out == texts


def test_a_worker_that_dies_between_two_slices_leaves_no_doubt(world: World) -> None:
    set_cap(world, 1)
    job = put(world, 3_000)
    world.claims.prepare(begin(world), world.rule_book.rules)
    world.pass_s(31)
    world.recover()

    assert world.state(job) is JobState.QUEUED
    assert world.views.status(job).attempts == 0
    claim = world.claim(job)
    assert len(claim.messages[0].recipients) == 3_000
    assert count_cap(world) == {phone(i): 1 for i in range(3_000)}


def test_a_worker_that_dies_with_the_whole_request_in_hand_leaves_doubt(world: World) -> None:
    job = put(world, 3_000)
    world.prepare(begin(world))
    world.pass_s(31)
    world.recover()

    assert world.state(job) is JobState.UNKNOWN


def test_a_claim_that_ended_between_two_slices_gets_no_more(world: World) -> None:
    job = put(world, 3_000)
    late = begin(world)
    world.pass_s(31)
    world.recover()
    assert world.claims.prepare(late) is NoClaim.STALE
    world.claim(job)
    assert world.claims.prepare(late) is NoClaim.STALE


def test_who_opts_out_between_two_slices_is_left_out_of_the_later_one(
    world: World, settings: Settings
) -> None:
    job = put(world, 5_000)
    first = begin(world)
    handed_out = set(first.messages[0].recipients)
    late = next(phone(i) for i in range(5_000) if phone(i) not in handed_out)
    OptOuts(world.scripts, settings).add([late])
    claim = world.prepare(first)

    assert set(claim.messages[0].recipients) == {phone(i) for i in range(5_000)} - {late}
    assert world.views.status(job).counts[RecipientState.WITHHELD] == 1


def test_a_large_job_of_whom_nobody_is_left_costs_no_slot(world: World, settings: Settings) -> None:
    OptOuts(world.scripts, settings).add(phone(i) for i in range(6_000))
    job, after = put(world, 6_000), world.enqueue()

    world.claim(after)
    assert world.take() is None
    assert world.state(job) is JobState.DONE
    assert world.views.status(job).attempts == 0


def test_the_cap_gives_back_what_every_slice_counted(world: World) -> None:
    set_cap(world, 2)
    job = put(world, 3_000, messages=3)
    claim = world.claim(job)
    assert count_cap(world) == {phone(i): 1 for i in range(3_000)}
    world.claims.settle(claim, REFUSED, PLAN)
    assert world.state(job) is JobState.REJECTED
    finish_chores(world)

    assert +count_cap(world) == {}


def test_the_cap_gives_back_what_a_claim_had_counted_that_broke_off(world: World) -> None:
    set_cap(world, 1)
    job = put(world, 3_000)
    begin(world)
    world.pass_s(31)
    world.recover()
    assert 0 < sum(count_cap(world).values()) < 3_000
    world.ledger.cancel(job)
    assert world.state(job) is JobState.CANCELLED
    finish_chores(world)

    assert +count_cap(world) == {}
