"""Look-up: asks a source for the message ids that no receipt told.

In:  beat's tick, by way of recover. Out: ids in the ledger; nothing where there is no source.
"""

from __future__ import annotations

import logging

from smsq.errors import GatewayError
from smsq.gateway.lookup import NoSource
from smsq.steps.resources import Resources

log = logging.getLogger(__name__)

#: Jobs looked up in one tick; a look-up that makes a request also needs a slot that nobody wants.
MOST_PER_TICK = 5


def look_up_ids(resources: Resources) -> int:
    """Look up the jobs whose time has come; returns how many ids that taught."""
    source, learnt = resources.message_ids, 0
    if isinstance(source, NoSource):
        return 0
    for _ in range(MOST_PER_TICK):
        due = resources.matching.find_lookup(
            resources.limiter.pace, needs_slot=source.makes_requests
        )
        if due is None:
            break
        job_id, uuid = due
        try:
            entries = source.find(uuid)
        except GatewayError as failure:
            log.warning("look-up broke off job=%s: %s", job_id, failure.reason)
            continue
        learnt += resources.matching.take_entries(job_id, entries or (), what="looked up")
    return learnt
