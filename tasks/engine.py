"""The engine of one worker process: its threads send for as long as anything waits anywhere.

In:  rings, which only wake it. Out: requests, as many on their way as the rate asks for.

One thread at a time asks for the next slot. Once that is due soon, another thread asks for the one
after, if more waits; the first claims and makes its request. So the number on their way follows the
gateway's answer time, and not the rings.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from smsq.errors import say_unforeseen
from smsq.models import JobState
from smsq.names import Queue, Task
from smsq.pacing.slots import Slot
from smsq.records.jobs import PollClaim
from smsq.steps.resources import Resources
from smsq.steps.wait_for_slot import Turn, claim, find_slot, hold, use_turn
from smsq.store.refusals import is_of_data, say
from tasks.awaited import AwaitedJobs
from tasks.crew import Crew
from tasks.demand import Demand, Step

log = logging.getLogger(__name__)

#: Pause while Redis is away.
OUTAGE_PAUSE_S = 1.0

#: Rings that are sent on at shutdown: each wakes another worker.
MOST_PASSED_ON = 16

#: Pauses between two looks at a job that another process may have taken; the first, the longest.
LOOK_S, MOST_LOOK_S = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Ring:
    """What woke the engine."""

    task: Task
    ids: Sequence[str]
    queue: Queue


class Engine:
    """Threads that send. Thread-safe.

    Args:
        resources: Of this process; their `stop` ends the engine.
    """

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self._lock = threading.Lock()
        self._demand = Demand(capacity=resources.settings.in_flight)
        self._awaited = AwaitedJobs()
        self._rung: deque[Ring] = deque(maxlen=MOST_PASSED_ON)
        self._crew = Crew(self._lock, self._work)

    @property
    def is_at_rest(self) -> bool:
        """True when nothing waits, as far as this process knows, and nothing is on its way."""
        with self._lock:
            return self._demand.is_asleep and not self._demand.on_their_way

    def wake(self, ring: Ring | None = None) -> None:
        """Look for what waits, now or as soon as a request may be made."""
        with self._lock:
            self._note(ring)

    def see_answered(self, ring: Ring) -> JobState | None:
        """Wake the engine for a job rung alone, and wait until its request is answered.

        It also returns when the job no longer waits, whoever took it, and at shutdown.

        Returns:
            The job's state then; None where it is not known.
        """
        [job_id] = ring.ids
        with self._lock:
            answer = self._awaited.add(job_id)
            self._note(ring)
        pause_s = LOOK_S
        while not answer.is_there.wait(pause_s):
            pause_s = min(2 * pause_s, MOST_LOOK_S)
            if not self._may_wait(job_id):
                with self._lock:
                    self._awaited.release(job_id)
        return answer.state or self._read_state(job_id)

    def close(self) -> None:
        """Wait for the requests in hand, and ring for another worker if more waits."""
        self.resources.stop.set()
        with self._lock:
            self._crew.send_home()
            threads = self._crew.threads
        for thread in threads:
            thread.join()
        for ring in self._rung:
            self.resources.rings.ring(ring.task, ring.ids, ring.queue)
        if self._rung:
            log.info("passed on %d rings: the worker shuts down", len(self._rung))

    def _may_wait(self, job_id: str) -> bool:
        with self._lock:
            if self._awaited.is_in_hand(job_id):
                return True
        if self.resources.stop.is_set():
            return False
        try:
            state = self._ask_state(job_id)
        except RedisError as error:
            return not is_of_data(error)
        return state in {JobState.QUEUED, JobState.SUBMITTING}

    def _read_state(self, job_id: str) -> JobState | None:
        with suppress(RedisError, ValueError):
            return None if self.resources.stop.is_set() else JobState(self._ask_state(job_id))
        return None

    def _ask_state(self, job_id: str) -> Any:
        return self.resources.redis.hget(self.resources.keys.job(job_id), "state")

    # The lock is held in what follows, up to the next remark.

    def _note(self, ring: Ring | None) -> None:
        if ring is not None:
            self._rung.append(ring)
        self._demand.is_wanted = True
        self._go_on()

    def _go_on(self) -> None:
        """Have a thread ask for the next slot where one should; end tasks that wait in vain."""
        if self.resources.stop.is_set():
            self._awaited.release_others()
            self._crew.send_home()
        elif self._demand.is_asleep:
            self._awaited.release_others()
            self._rung.clear()
        elif self._demand.allows_turn:
            self._demand.ask()
            if not self._crew.send():
                # The next request that is answered, or the next ring, tries again.
                self._demand.give_up(Step.ASKING, is_wanted=True)
                log.warning("no more threads can be started: %d work", len(self._crew.threads))

    # From here on threads of the engine work, without the lock.

    def _work(self) -> None:
        try:
            has_turn = True
            while has_turn:
                turn = self._take_turn()
                if turn is not None:
                    self._use(turn)
                has_turn = self._await_turn()
        finally:
            with self._lock:
                self._crew.leave()
                # Only a thread that dies leaves something to do for another.
                self._go_on()

    def _take_turn(self) -> Turn | None:
        turn, step, is_wanted = None, Step.ASKING, True
        try:
            if (slot := find_slot(self.resources)) is not None:
                step = self._hand_on(slot)
                if hold(self.resources, slot.wait_s, slot.epoch):
                    step = self._begin_claim()
                    turn = claim(self.resources, slot)
            is_wanted = slot is not None or self.resources.stop.is_set()
        except Exception as error:  # noqa: BLE001 - nothing of one turn may end the sending
            what = say_unforeseen("stored data cannot be used", error)
            if isinstance(error, RedisError) and not is_of_data(error):
                what = say(error)
            log.warning("%s, holding on", what, extra={"repeats": what})
            self.resources.stop.wait(OUTAGE_PAUSE_S)
        finally:
            with self._lock:
                if turn is None:
                    self._demand.give_up(step, is_wanted=is_wanted)
                else:
                    self._demand.request(leaves_more=_leaves_more(turn))
                    self._awaited.take_in_hand(_name(turn))
                    self._go_on()
        return turn

    def _hand_on(self, slot: Slot) -> Step:
        with self._lock:
            self._demand.hold(slot.waiting)
            self._go_on()
        return Step.HOLDING

    def _begin_claim(self) -> Step:
        with self._lock:
            self._demand.claim()
        return Step.CLAIMING

    def _use(self, turn: Turn) -> None:
        state = None
        try:
            state = use_turn(self.resources, turn)
        except Exception as error:  # noqa: BLE001 - its lease ends, and the others go on
            log.error("%s", say_unforeseen(f"the request of {_name(turn)} broke off", error))  # noqa: TRY400
        finally:
            with self._lock:
                self._awaited.settle(_name(turn), state)
                # Whatever was not accepted may be in the line again, and so may a poll's next page.
                self._demand.settle(brings_more=state is not JobState.ACCEPTED)

    def _await_turn(self) -> bool:
        """Take the turn, or wait to be given it; False ends the thread."""
        with self._lock:
            if self._demand.allows_turn and not self.resources.stop.is_set():
                self._demand.ask()
                return True
            self._go_on()
            if self.resources.stop.is_set():
                return False
            given = self._crew.stand_by()
        return self._crew.rest(given)


def _leaves_more(turn: Turn) -> bool:
    return isinstance(turn.claim, PollClaim) and not turn.claim.is_first


def _name(turn: Turn) -> str:
    return turn.claim.ref if isinstance(turn.claim, PollClaim) else turn.claim.job_id
