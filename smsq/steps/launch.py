"""Launch: finish committed campaigns whose producer died, take away drafts that nobody finished.

In:  recover's tick. Out: rings; drafts that are gone.
"""

from __future__ import annotations

import logging

from smsq.names import Queue, Task
from smsq.steps.resources import Resources

log = logging.getLogger(__name__)

#: Campaigns and slices of drafts looked at in one tick; what is left is found by the next.
MAX_CAMPAIGNS, MAX_SWEEPS = 10, 20


def has_campaigns_on_their_way(resources: Resources) -> bool:
    """Say whether a campaign is to be launched, swept or brought in line, now or later."""
    keys = resources.keys
    return bool(resources.redis.exists(keys.launching, keys.drafts, keys.aligning))


def launch_campaigns(resources: Resources) -> None:
    """Bring the jobs of committed campaigns into the line that nobody brought there."""
    launched = 0
    for _ in range(MAX_CAMPAIGNS):
        before = launched
        for job_ids in resources.staging.launch_forgotten():
            resources.rings.ring(Task.SEND_BULK, job_ids, Queue.BULK)
            launched += len(job_ids)
        if launched == before:
            break
    if launched:
        log.info(
            "recover: launched %(jobs)d jobs of campaigns whose producer stopped",
            {"jobs": launched},
        )


def sweep_drafts(resources: Resources) -> None:
    """Take away drafts that were left behind."""
    swept = 0
    for _ in range(MAX_SWEEPS):
        size = resources.staging.sweep()
        swept += size
        if not size:
            break
    if swept:
        log.info(
            "recover: took away %(jobs)d jobs of campaigns that were left behind",
            {"jobs": swept},
        )
