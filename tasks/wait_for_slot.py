"""The line: threads of one process that wait for a slot. Only the first asks the limiter.

In:  ids that a ring named. Out: whatever is most urgent, worked off until those ids are done.

A ring wakes a thread up, but does not bind it: when its slot has come, the thread takes the most
urgent of all that waits. So an urgent job goes out with the next slot even where every thread was
rung for a campaign. The thread is free when the ids of its own ring no longer wait, whoever worked
them off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from redis.exceptions import RedisError, ResponseError

from smsq.errors import say_unforeseen
from smsq.pacing.slots import Closed, Early, Slot
from smsq.records.jobs import Claim, NoClaim, PollClaim, Question, Unprepared
from smsq.store.connection import is_of_data
from tasks.attempt import attempt
from tasks.poll_page import read_page
from tasks.resources import Resources
from tasks.set_aside import answer, set_aside

log = logging.getLogger(__name__)

#: Longest time between two looks at the limiter's epoch while holding: an opened gate or a new rate
#: is noticed within it.
NAP_S = 0.8

#: While the gate is closed, a slot is asked for again after this long: `recover` takes it for the
#: sign that somebody holds.
CLOSED_NAP_S = 2.0

#: While the gate is closed for what waits, but not for all: what comes waits no longer than this.
PARTLY_CLOSED_NAP_S = 0.25

#: Longest wait in line between two looks at the shutdown event.
LINE_NAP_S = 0.2

#: Pause while Redis is away.
OUTAGE_PAUSE_S = 1.0


class RingsAtHand:
    """Rings that this process took from the broker and no thread has begun yet.

    Attributes:
        held_back: True when more may lie in the broker, left there because these are enough.
    """

    #: So many are enough. More would only grow the process: the broker keeps them better.
    ENOUGH = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self.held_back = False

    def add(self, n: int) -> None:
        """Count rings in, or out when negative."""
        with self._lock:
            self._count += n

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count

    @property
    def is_enough(self) -> bool:
        """True when no more should be taken from the broker."""
        return self._count >= self.ENOUGH


#: Of this process.
rings_at_hand = RingsAtHand()

_line = threading.Lock()


@dataclass(frozen=True, slots=True)
class Turn:
    """A slot whose time has come, and what it is used for."""

    slot: Slot
    claim: Claim | PollClaim
    claimed_at_s: float


def serve(resources: Resources, ids: Sequence[str]) -> Sequence[str]:
    """Work off what waits, the most urgent first, until none of `ids` does.

    Args:
        resources: Of this process.
        ids: Jobs, or messages to poll as `<job id>:<n>`.

    Returns:
        Ids that still wait because the process shuts down.
    """
    while not resources.stop.is_set():
        try:
            with _first_in_line(resources.stop):
                turn, ids = _next_turn(resources, ids)
            if turn is not None:
                _use(resources, turn)
            elif not resources.stop.is_set():
                return _serve_those_held_back(resources)
        except RedisError as error:
            what = "stored data cannot be used" if is_of_data(error) else "Redis is away"
            log.warning("%s, holding on", say_unforeseen(what, error))
            resources.stop.wait(OUTAGE_PAUSE_S)
    return ids


def _serve_those_held_back(resources: Resources) -> Sequence[str]:
    """Go on for rings that were left in the broker, until one of them is at hand."""
    while rings_at_hand.held_back and not rings_at_hand.count:
        with _first_in_line(resources.stop):
            turn, _ = _next_turn(resources, ())
        if turn is None:
            rings_at_hand.held_back = False
            break
        _use(resources, turn)
    return ()


def _use(resources: Resources, turn: Turn) -> None:
    if isinstance(turn.claim, Claim):
        attempt(resources, turn.slot, turn.claim, leased_at_s=turn.claimed_at_s)
        return
    try:
        read_page(resources, turn.slot, turn.claim)
    except ResponseError as error:
        if not is_of_data(error):
            raise
        why = say_unforeseen("its stored data cannot be used", error)
        set_aside(resources, Unprepared(turn.claim.ref, turn.claim.number, why))


@contextmanager
def _first_in_line(stop: threading.Event) -> Iterator[None]:
    """Wait until the others have their turns; an end of the process ends the waiting."""
    is_first = _line.acquire(timeout=LINE_NAP_S)
    while not is_first and not stop.is_set():
        is_first = _line.acquire(timeout=LINE_NAP_S)
    try:
        yield
    finally:
        if is_first:
            _line.release()


def _next_turn(resources: Resources, ids: Sequence[str]) -> tuple[Turn | None, Sequence[str]]:
    """Hold for a slot and use it; None when there is nothing to hold for, or at shutdown."""
    while not resources.stop.is_set():
        slot, ids = resources.limiter.reserve(ids)
        if slot is None:
            return None, ()
        if isinstance(slot, Closed):
            nap_s = PARTLY_CLOSED_NAP_S if slot.is_partial else CLOSED_NAP_S
            _hold(resources, min(slot.wait_s, nap_s), slot.epoch)
        elif _hold(resources, slot.wait_s, slot.epoch):
            turn = _claim(resources, slot)
            if turn is not None:
                return turn, ids
    return None, ids


def _hold(resources: Resources, wait_s: float, epoch: str) -> bool:
    """Hold for so long; False when the epoch changed meanwhile, or at shutdown."""
    until_s = time.monotonic() + wait_s
    while (left_s := until_s - time.monotonic()) > 0:
        if resources.stop.wait(min(left_s, NAP_S)):
            return False
        if left_s > NAP_S and resources.limiter.epoch() != epoch:
            return False
    return True


def _claim(resources: Resources, slot: Slot) -> Turn | None:
    asked: Counter[Question] = Counter()
    while not resources.stop.is_set():
        claimed_at_s = time.monotonic()
        rules = resources.rule_book.rules
        claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases, rules)
        match claim:
            case NoClaim():
                return None
            case Question():
                answer(resources, claim, asked)
            case Unprepared():
                set_aside(resources, claim)
            case Early():
                if not _hold(resources, claim.wait_s, slot.epoch):
                    return None
            case _:
                return Turn(slot, claim, claimed_at_s)
    return None
