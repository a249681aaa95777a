"""Poll: ask the gateway what became of each message, page by page, until every phone is final.

In:  beat's tick, and messages to poll, by ring. Out: recipients' states in the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from celery import shared_task

from smsq.errors import BusyError, GatewayError, MisconfiguredError
from smsq.gateway.wire import ReportPage
from smsq.limiter import MISCONFIGURED_CLOSE_S
from smsq.names import Queue, Task
from smsq.polls import PollClaim
from tasks.resources import Resources, get_resources

log = logging.getLogger(__name__)

#: Messages found by one tick.
TICK_LIMIT = 1000

#: Messages in one ring: few, so that several workers share a tick's messages.
RING_MESSAGES = 10

#: A poll may wait for its slot; its claim must outlast that.
POLL_LEASE_S = 120.0

#: Pause before a poll that broke off goes on.
BROKEN_PAUSE_S = 10.0


@shared_task(name=Task.POLL_DELIVERIES)
def poll_deliveries() -> None:
    """Find the messages that are due and ring them."""
    ring_due(get_resources())


@shared_task(name=Task.POLL_MESSAGE)
def poll_message(refs: Sequence[str]) -> None:
    """Poll messages, each written `<job id>:<n>`."""
    resources = get_resources()
    for ref in refs:
        if resources.stop.is_set():
            return
        poll_one(resources, ref)


def ring_due(resources: Resources) -> int:
    """Ring the messages that are due; returns how many."""
    refs = resources.polls.find_due(limit=TICK_LIMIT)
    for start in range(0, len(refs), RING_MESSAGES):
        part = refs[start : start + RING_MESSAGES]
        resources.rings.ring(Task.POLL_MESSAGE, part, Queue.POLL)
    return len(refs)


def poll_one(resources: Resources, ref: str) -> None:
    """Poll one message, if it is still due and nobody else does."""
    claim = resources.polls.claim(ref, lease_s=POLL_LEASE_S)
    if claim is None:
        return
    pause_s = resources.poll_schedule.pause_s(claim.age_s)
    if claim.message_id is None:
        # Its receipt has not come yet; it makes the message due at once.
        resources.polls.apply_page(claim, [], next_offset=0, next_in_s=pause_s)
        return
    read_pages(resources, claim, pause_s)


def read_pages(resources: Resources, claim: PollClaim, pause_s: float) -> None:
    """Read pages until a short one, and store each; `pause_s` is the time to the next poll."""
    offset, rows = claim.offset, resources.settings.page_rows
    while page := fetch(resources, claim, offset):
        is_last = page.row_count < rows
        offset = 0 if is_last else offset + rows
        left = resources.polls.apply_page(
            claim, page.rows, next_offset=offset, next_in_s=pause_s if is_last else None
        )
        if is_last or not left:
            log.info("<- polled message=%s: %s not final", claim.ref, left)
            return


def fetch(resources: Resources, claim: PollClaim, offset: int) -> ReportPage | None:
    """Fetch one page; None when the poll has to go on later, from the same page."""
    if claim.message_id is None or not resources.limiter.wait_for_slot(resources.stop):
        return None
    try:
        return resources.gateway.fetch_reports(
            claim.message_id, offset=offset, rows=resources.settings.page_rows
        )
    except GatewayError as error:
        failure = error
    if isinstance(failure, BusyError):
        resources.limiter.close(failure.retry_after_s, "429: the gateway asked us to slow down")
    elif isinstance(failure, MisconfiguredError):
        resources.limiter.close(MISCONFIGURED_CLOSE_S, failure.reason)
    log.warning("poll broke off message=%s: %s", claim.ref, failure.reason)
    resources.polls.apply_page(claim, [], next_offset=offset, next_in_s=BROKEN_PAUSE_S)
    return None
