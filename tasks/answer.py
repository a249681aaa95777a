"""What every worker must know of one gateway answer: is the gate open, and how wide.

In:  the slot of a request and how the request failed, if it did. Out: the limiter, told.
"""

from __future__ import annotations

import logging

from smsq.errors import BusyError, GatewayError, MisconfiguredError
from smsq.slots import Slot
from tasks.resources import Resources

log = logging.getLogger(__name__)


def tell_limiter(resources: Resources, slot: Slot, failure: GatewayError | None) -> None:
    """Close the gate for everyone after a 429 or a wrong token; open it after a probe."""
    if isinstance(failure, BusyError):
        closing = resources.limiter.close_busy(slot, failure.retry_after_s)
        if closing:
            log.warning(
                "429: the gate is closed for %.2f s, the rate is %.3g/s from then on",
                closing.pause_s,
                closing.rate_per_s,
            )
    elif isinstance(failure, MisconfiguredError):
        log.error("sending stops for everyone, a probe a minute tries again: %s", failure.reason)
        resources.limiter.close_broken(slot, failure.reason)
    elif slot.is_probe:
        log.info("the gate is open again")
        resources.limiter.pass_probe(slot)
