"""What every worker must know of one gateway answer: is the gate open, and how wide.

In:  the slot of a request, and how it failed or that it passed. Out: the limiter, told; and whose
fault a failure is.
"""

from __future__ import annotations

import logging

from redis.exceptions import RedisError

from smsq.domain.account import Endpoint, Heard, Scope
from smsq.errors import GatewayError
from smsq.pacing.slots import Slot
from smsq.steps.resources import Resources
from smsq.store.refusals import say

log = logging.getLogger(__name__)


def hear_failure(
    resources: Resources, slot: Slot, failure: GatewayError, *, who: str, endpoint: Endpoint
) -> Heard:
    """Tell the limiter of a failure; the endpoint's gate closes where it is the account's.

    Args:
        resources: Of this process.
        slot: Of the request.
        failure: How it failed.
        who: The job, or the message to poll as `<job id>:<n>`.
        endpoint: What it was asked through.
    """
    try:
        heard, closing = resources.limiter.hear(slot, failure, who=who, endpoint=endpoint)
    except RedisError as error:
        # What is known of the job is written down all the same, as soon as Redis is back.
        log.warning("the limiter cannot be told of a failure (%s)", say(error))
        return Heard(Scope.ALONE)
    if closing:
        log.warning(
            "the gate is closed for %(pause_s).2f s: %(why)s; "
            "the rate is %(rate_per_s).3g/s from then on",
            {"pause_s": closing.pause_s, "why": closing.why, "rate_per_s": closing.rate_per_s},
        )
    return heard


def hear_pass(resources: Resources, slot: Slot, endpoint: Endpoint) -> None:
    """Tell the limiter of a request that passed; a probe opens the gate for everyone."""
    if endpoint is Endpoint.POLL:
        resources.limiter.pass_poll(slot)
    elif slot.is_probe:
        log.info("the gate is open again")
        resources.limiter.pass_probe(slot)
