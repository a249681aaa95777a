"""Sends and polls as workers and beat do, step by step, until nothing is left to do.

In:  what a worker has, a clock. Out: the ledger and the gateway's book, moved on.

Where the next step is due later, the clock is put ahead, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smsq.models import JobState
from smsq.pacing.slots import Closed
from smsq.records.jobs import Claim
from smsq.steps.due_polls import ring_due_polls
from smsq.steps.recover import recover_due
from smsq.steps.resources import Resources
from smsq.steps.wait_for_slot import claim, use_turn
from smsq.store.clock import ledger_time
from smsq.testing.clock import Clock

#: Jobs in these states go on by themselves when their time has come; others only go away.
_ON_THEIR_WAY = {JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING, JobState.ACCEPTED}

#: What is due in a moment is due.
_MOMENT_S = 0.001

#: Called after a request that was made for a job.
AfterSend = Callable[[Claim], None]


def drain(resources: Resources, clock: Clock, *, for_s: float, after_send: AfterSend) -> None:
    """Send and poll all that is due within `for_s` of the clock.

    Args:
        resources: Of one queue.
        clock: Put ahead as far as needed.
        for_s: How much of its time may pass.
        after_send: What the gateway does after it has answered.
    """
    until_s = clock.time_s() + for_s
    while True:
        looked_at_ms = _now_ms(resources)
        recover_due(resources)
        ring_due_polls(resources)
        turns, pause_s = _take_turns(resources, clock, after_send)
        if turns:  # which may have set others free, as a canary does: look again
            continue
        pauses_s = [
            one for one in (pause_s, _find_pause_s(resources, looked_at_ms)) if one is not None
        ]
        if not pauses_s or clock.time_s() + min(pauses_s) > until_s:
            return
        clock.advance(min(pauses_s) + _MOMENT_S)


def _take_turns(
    resources: Resources, clock: Clock, after_send: AfterSend
) -> tuple[int, float | None]:
    """Send and poll what waits.

    Returns how many turns were taken, and how long the gate is closed, None while it is open.
    """
    turns = 0
    while (slot := resources.limiter.reserve()) is not None:
        if isinstance(slot, Closed):
            return turns, slot.wait_s
        clock.advance(slot.wait_s)
        turn = claim(resources, slot)
        if turn is None:
            break
        turns += 1
        use_turn(resources, turn)
        if isinstance(turn.claim, Claim):
            after_send(turn.claim)
    return turns, None


def _now_ms(resources: Resources) -> int:
    redis: Any = resources.redis
    return int(ledger_time(redis, resources.keys).now_ms)


def _find_pause_s(resources: Resources, looked_at_ms: int) -> float | None:
    """Say how soon the next job or poll is due; None where nothing goes on by itself.

    What became due since somebody looked, while other turns were taken, is due at once.
    """
    redis: Any = resources.redis
    keys = resources.keys
    later = (f"({looked_at_ms}", "+inf")
    due: list[tuple[str, float]] = redis.zrangebyscore(keys.due, *later, withscores=True)
    polls = redis.zrangebyscore(keys.polls, *later, start=0, num=1, withscores=True)
    times_ms = [at_ms for _, at_ms in polls]
    for job_id, at_ms in due:
        if redis.hget(keys.job(job_id), "state") in _ON_THEIR_WAY:
            times_ms.append(at_ms)
            break
    return max(0.0, min(times_ms) - _now_ms(resources)) / 1000 if times_ms else None
