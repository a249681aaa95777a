"""The line: hold for the cluster's next slot, and use it for whatever is most urgent then.

In:  the limiter's slots. Out: one turn at a time: a claim, its request, its settle.

A slot is a time and not yet a job. So an urgent job goes out with the next slot, whatever the
process was rung for.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace

from redis.exceptions import ResponseError

from smsq.errors import say_unforeseen
from smsq.models import JobState
from smsq.pacing.slots import Closed, Early, Slot
from smsq.records.jobs import Claim, NoClaim, PollClaim, Question, Unprepared
from smsq.steps.attempt import attempt
from smsq.steps.poll_page import read_page
from smsq.steps.resources import Resources
from smsq.steps.set_aside import answer, set_aside
from smsq.store.refusals import is_of_data

#: Longest time between two looks at the limiter's epoch while holding: an opened gate or a new rate
#: is noticed within it.
NAP_S = 1.0

#: The same while nothing at all may go; the first of several workers notices sooner.
LONG_NAP_S = 2.0

#: A slot is due soon within this time: the next may be asked for. So on a busy machine the wait for
#: one slot does not use up the next.
SOON_S = 0.05

#: While the gate is closed, a slot is asked for again after this long: `recover` takes it for the
#: sign that somebody holds.
CLOSED_NAP_S = 8.0

#: While the gate is closed for what waits, but not for all: what comes waits no longer than this.
PARTLY_CLOSED_NAP_S = 0.25


@dataclass(frozen=True, slots=True)
class Turn:
    """A slot whose time has come, and what it is used for."""

    slot: Slot
    claim: Claim | PollClaim
    claimed_at_s: float


def use_turn(resources: Resources, turn: Turn) -> JobState | None:
    """Make the one request that a turn is for, and settle it.

    Returns:
        What the answer made of the job; None for a poll, and where no request was made.
    """
    if isinstance(turn.claim, Claim):
        return attempt(resources, turn.slot, turn.claim, leased_at_s=turn.claimed_at_s)
    try:
        read_page(resources, turn.slot, turn.claim)
    except ResponseError as error:
        if not is_of_data(error):
            raise
        why = say_unforeseen("its stored data cannot be used", error)
        set_aside(resources, Unprepared(turn.claim.ref, turn.claim.number, why))
    return None


def find_slot(resources: Resources) -> Slot | None:
    """Ask for the next slot, and wait until it is due soon.

    Returns:
        None when nothing waits for a slot, and at shutdown.

    Raises:
        RedisError: Redis is away, or what it stores cannot be used.
    """
    while not resources.stop.is_set():
        slot = resources.limiter.reserve()
        if slot is None:
            return None
        if isinstance(slot, Closed):
            nap_s = PARTLY_CLOSED_NAP_S if slot.is_partial else CLOSED_NAP_S
            hold(resources, min(slot.wait_s, nap_s), slot.epoch, look_every_s=LONG_NAP_S)
        elif slot.wait_s <= SOON_S:
            return slot
        elif hold(resources, slot.wait_s - SOON_S, slot.epoch):
            return replace(slot, wait_s=SOON_S)
    return None


def hold(resources: Resources, wait_s: float, epoch: str, *, look_every_s: float = NAP_S) -> bool:
    """Hold for so long; False when the epoch changed meanwhile, or at shutdown."""
    until_s = time.monotonic() + wait_s
    while (left_s := until_s - time.monotonic()) > 0:
        if resources.stop.wait(min(left_s, look_every_s)):
            return False
        if left_s > look_every_s and resources.limiter.epoch() != epoch:
            return False
    return True


def claim(resources: Resources, slot: Slot) -> Turn | None:
    """Claim what is most urgent now that the slot's time has come; None when there is nothing.

    Raises:
        RedisError: Redis is away, or what it stores cannot be used.
    """
    asked: Counter[Question] = Counter()
    while not resources.stop.is_set():
        claimed_at_s = time.monotonic()
        rules = resources.rule_book.rules
        found = resources.claims.claim(slot, resources.limiter.pace, resources.leases, rules)
        match found:
            case NoClaim():
                return None
            case Question():
                answer(resources, found, asked)
            case Unprepared():
                set_aside(resources, found)
            case Early():
                if not hold(resources, found.wait_s, slot.epoch):
                    return None
            case _:
                return Turn(slot, found, claimed_at_s)
    return None
