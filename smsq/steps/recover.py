"""Recover: give every due job its next step, and ring what is ready and was forgotten.

In:  beat's tick. Out: rings, and jobs moved on whose claim, wait or retention has ended.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import cast

from redis.exceptions import RedisError

from smsq.errors import GatewayError, say_unforeseen
from smsq.gateway.lookup import NoSource
from smsq.models import Kind
from smsq.names import Queue, Task
from smsq.pacing.slots import read_rate
from smsq.records.jobs import Due
from smsq.rings.ticks import Tick
from smsq.steps.heartbeat.sms import beat_by_sms
from smsq.steps.launch import has_campaigns_on_their_way, launch_campaigns, sweep_drafts
from smsq.steps.resources import Resources
from smsq.store.clock import ledger_time
from smsq.store.refusals import is_of_data

log = logging.getLogger(__name__)

#: Jobs in one script call: more would block Redis for others.
BATCH = 500

#: Batches in one tick; what is left is found by the next. One call looks at a hundred jobs or so.
MAX_BATCHES = 400

#: Slices of campaigns' jobs that are brought in line in one tick.
MAX_SLICES = 50

#: Forgotten jobs of one class rung in one tick; whoever wakes up works off the others too.
FORGOTTEN_LIMIT = 400

#: Jobs looked up in one tick; a look-up that makes a request also needs a slot that nobody wants.
LOOKUPS_PER_TICK = 5

#: The ledger counts in milliseconds: after so much more a time has passed there, too.
_TIMER_S = 0.002

_TASK_OF = {Kind.QUICK: Task.SEND_QUICK, Kind.BULK: Task.SEND_BULK}


def recover_due(resources: Resources, *, apart_s: float = 0.0) -> int | None:
    """Work off what is due, for one of beat's ticks, superseded so soon after another.

    Returns:
        How many jobs were looked at; None when the tick is superseded.
    """
    looked_at, tick = 0, Tick(Task.RECOVER, apart_s)
    for n in range(MAX_BATCHES):
        size = move_due(resources, None if n else tick)
        if size < 0:
            return None
        looked_at += size
        if not size:
            break
    of_campaigns = (launch_campaigns, sweep_drafts, align_campaigns)
    are_any = has_campaigns_on_their_way(resources)
    always = (ring_forgotten, look_up_ids, fold_measures, beat_by_sms)
    for step in (*(of_campaigns if are_any else ()), *always):
        try_step(resources, step)
    if looked_at:
        log.info("recover: %(jobs)d jobs were due", {"jobs": looked_at})
    return looked_at


def try_step(resources: Resources, step: Callable[[Resources], object]) -> None:
    """Take one of recover's steps; what stored data raises in it must not keep the next ones back.

    Raises:
        RedisError: Redis is away: the next tick tries again.
    """
    try:
        step(resources)
    except Exception as error:
        if isinstance(error, RedisError) and not is_of_data(error):
            raise
        log.error("recover: %s: %s", step.__name__, say_unforeseen("it broke off", error))  # noqa: TRY400


def move_due(resources: Resources, tick: Tick | None = None) -> int:
    """Give one batch of due jobs their next step, and ring them; returns how many there were.

    It is -1 when the tick is superseded.
    """
    size, due = resources.claims.recover(
        limit=BATCH,
        max_attempts=resources.settings.max_attempts,
        plan=resources.poll_plan,
        quiet=resources.rule_book.quiet_name,
        tick=tick,
    )
    ring_due(resources, due)
    return size


def close_gathered(resources: Resources, *, for_s: float) -> None:
    """Close gathered jobs that are due before the next tick, each when its time has come."""
    until_s = time.monotonic() + for_s
    while not resources.stop.is_set():
        closes_in_s = resources.ledger.next_closing_s()
        if closes_in_s is None or time.monotonic() + closes_in_s >= until_s:
            return
        is_stopping = resources.stop.wait(closes_in_s + _TIMER_S)
        if is_stopping or not move_due(resources):
            return


def align_campaigns(resources: Resources) -> None:
    """Bring the jobs of campaigns in line that were paused, resumed or cancelled.

    Whoever did that does so, too; but a campaign that stops itself, or whose canary was good, has
    nobody else.
    """
    for _ in range(MAX_SLICES):
        aligned = resources.brakes.align()
        if aligned is None:
            return
        if aligned.is_first:
            facts = {"campaign": aligned.campaign_id, "told": aligned.told}
            log.info("campaign=%(campaign)s %(told)s", facts)
        ring_due(resources, aligned.due)


def ring_forgotten(resources: Resources) -> None:
    """Ring for what waits while too few workers do anything about it: its ring got lost.

    Only where the broker has no rings left: where it has some, more would not help.
    """
    for name, rows in resources.limiter.find_forgotten(limit=FORGOTTEN_LIMIT):
        queue = Queue(name)
        if resources.rings.count_waiting(queue):
            continue
        if queue is Queue.POLL:
            resources.rings.ring(Task.POLL_MESSAGE, [ref for ref, _ in rows], queue)
        else:
            ring_due(resources, [Due(job_id, Kind(kind), queue) for job_id, kind in rows])
        facts = {"jobs": len(rows), "queue": queue}
        log.info("recover: rang %(jobs)d forgotten in %(queue)s", facts)


def fold_measures(resources: Resources) -> None:
    """Add measured minutes that are over to the totals, with the rate in force."""
    if not resources.folding.is_due():
        return
    limiter = resources.redis.hgetall(resources.keys.limiter)
    now = ledger_time(resources.redis, resources.keys)
    setting_per_s = resources.settings.rate_per_s
    rate = read_rate(cast("dict[str, str]", limiter), setting_per_s, now.now_s)
    resources.folding.fold(now.now_s + now.stepped_s, rate.current_per_s)


def ring_due(resources: Resources, due: Sequence[Due]) -> None:
    """Ring jobs, those of one task and queue together."""
    rings: dict[tuple[Task, Queue], list[str]] = defaultdict(list)
    for job in due:
        rings[_TASK_OF[job.kind], job.priority].append(job.job_id)
    for (task, queue), job_ids in rings.items():
        resources.rings.ring(task, job_ids, queue)


def look_up_ids(resources: Resources) -> int:
    """Look up the jobs whose time has come; returns how many ids that taught."""
    source, learnt = resources.message_ids, 0
    if isinstance(source, NoSource):
        return 0
    for _ in range(LOOKUPS_PER_TICK):
        due = resources.matching.find_lookup(
            resources.limiter.pace, needs_slot=source.makes_requests
        )
        if due is None:
            break
        job_id, uuid = due
        try:
            entries = source.find(uuid)
        except GatewayError as failure:
            facts = {"job": job_id, "why": failure.reason}
            log.warning("look-up broke off job=%(job)s: %(why)s", facts)
            continue
        learnt += resources.matching.take_entries(job_id, entries or (), what="looked up")
    return learnt
