"""Settle: the verdict on an attempt is written down, however long Redis is away.

In:  a claim and what its request came to. Out: the ledger, told.
"""

from __future__ import annotations

import logging
import time

from redis.exceptions import RedisError, ResponseError

from smsq.domain.outcomes import Verdict
from smsq.measures.exchange import NO_EXCHANGE, Exchange
from smsq.models import JobState, Outcome
from smsq.records.facts import of_job
from smsq.records.jobs import Claim
from smsq.steps.resources import Resources
from smsq.store.refusals import is_of_data, say

log = logging.getLogger(__name__)

#: Pause before a settle is tried again while Redis is away.
SETTLE_PAUSE_S = 0.5

#: A settle that Redis did not take for so long is given up: the job becomes unknown by its lease.
SETTLE_FOR_S = 120.0


def settle(
    resources: Resources, claim: Claim, verdict: Verdict, exchange: Exchange = NO_EXCHANGE
) -> bool:
    """Write the verdict down, however long Redis is away; the claim's number keeps it safe."""
    until_s = time.monotonic() + SETTLE_FOR_S
    while True:
        try:
            return write(resources, claim, verdict, exchange)
        except RedisError as error:
            if is_of_data(error):
                return settle_unknown(resources, claim, verdict)
            if time.monotonic() > until_s:
                raise
            log.warning(
                "Redis does not take the answer of job=%(job)s yet (%(why)s)",
                of_job(claim, why=say(error)),
                extra={"repeats": "the answer waits"},
            )
        time.sleep(SETTLE_PAUSE_S)


def settle_unknown(resources: Resources, claim: Claim, verdict: Verdict) -> bool:
    """Have a job be unknown whose stored data do not take the verdict."""
    facts = of_job(claim, outcome=verdict.state)
    log.error("the answer of job=%(job)s cannot be stored: %(outcome)s", facts)
    why = f"its stored data do not take the answer ({verdict.state})"
    unknown = Verdict(state=JobState.UNKNOWN, error=why, error_class=Outcome.UNKNOWN)
    try:
        return write(resources, claim, unknown)
    except ResponseError as error:
        if not is_of_data(error):
            raise
        return False


def write(
    resources: Resources, claim: Claim, verdict: Verdict, exchange: Exchange = NO_EXCHANGE
) -> bool:
    """Write a verdict down once; who watches is told of it if it holds."""
    is_ours = resources.claims.settle(claim, verdict, resources.poll_plan, exchange)
    if is_ours:
        for watcher in resources.watchers:
            watcher(claim, verdict, exchange)
    return is_ours
