"""Page: one claimed poll, one page of reports from the gateway, one write to the ledger.

In:  a claim and its slot. Out: recipients' states; the message waits for its next page or poll.
"""

from __future__ import annotations

import logging
import time

from redis.exceptions import RedisError, ResponseError

from smsq.delivery.page_facts import Length, PageFacts
from smsq.domain.account import Endpoint, Heard, Scope
from smsq.errors import (
    BusyError,
    GatewayError,
    NotSentError,
    RefusedError,
    TemporaryError,
    UnpreparedError,
    say_unforeseen,
)
from smsq.gateway.reports import ReportPage
from smsq.measures.exchange import NO_EXCHANGE, Exchange, measure
from smsq.names import Queue, Task
from smsq.pacing.slots import Slot
from smsq.records.facts import of_message
from smsq.records.jobs import PollClaim, Unprepared
from smsq.steps.resources import Resources
from smsq.steps.set_aside import set_aside
from smsq.steps.tell_limiter import hear_failure, hear_pass
from smsq.store.refusals import is_of_data

log = logging.getLogger(__name__)

#: Least pause before a page that failed is asked for again, and its part of the message's age.
BROKEN_PAUSE_S, BROKEN_AGE_SHARE = 10.0, 0.1

#: Threads that are rung for the pages of one poll: one waits for the gateway while another stores.
MAX_READERS = 8


def read_page(resources: Resources, slot: Slot, claim: PollClaim) -> None:
    """Fetch and store one page.

    Whatever is raised is this message's: it is asked for later, and others go on.
    """
    result, exchange = fetch(resources, claim)
    if isinstance(result, ReportPage):
        hear_pass(resources, slot, Endpoint.POLL)
        try:
            store(resources, claim, result, exchange)
        except Exception as error:
            if isinstance(error, RedisError) and not is_of_data(error):
                raise
            why = say_unforeseen("its page cannot be stored", error)
            set_aside(resources, Unprepared(claim.ref, claim.number, why))
        return
    log.warning(
        "poll broke off message=%(message_ref)s: %(why)s", of_message(claim, why=result.reason)
    )
    if isinstance(result, RefusedError):
        hear_pass(resources, slot, Endpoint.POLL)
        heard = Heard(Scope.OWN)
    else:
        heard = hear_failure(resources, slot, result, who=claim.ref, endpoint=Endpoint.POLL)
    postpone(resources, claim, result, heard, exchange)


def fetch(resources: Resources, claim: PollClaim) -> tuple[ReportPage | GatewayError, Exchange]:
    """Ask for one page, and measure that; whatever is raised becomes a failure."""
    began_s = time.monotonic()
    result = _ask(resources, claim)
    return result, measure(Endpoint.POLL, result, (time.monotonic() - began_s) * 1000)


def _ask(resources: Resources, claim: PollClaim) -> ReportPage | GatewayError:
    try:
        return resources.gateway.fetch_reports(
            claim.message_id,
            offset=claim.offset,
            rows=resources.settings.page_rows,
            size=claim.size,
        )
    except GatewayError as failure:
        return failure
    except Exception as error:  # noqa: BLE001 - asking again is harmless
        return UnpreparedError(say_unforeseen("its page cannot be asked for", error))


def store(
    resources: Resources, claim: PollClaim, page: ReportPage, exchange: Exchange = NO_EXCHANGE
) -> None:
    """Apply a page, and say where the next one starts, or that the message rests.

    A short page is the last one only when it is empty, or nobody is missing: gateways cap pages
    without a word. One that lies beyond all recipients is the last, too: that list may have no end.
    """
    asked, came = resources.settings.page_rows, page.row_count
    is_capped = 0 < came < asked and claim.offset + came < claim.size
    is_full = came >= asked or is_capped
    is_last = not is_full or claim.offset >= claim.size
    left = resources.polls.apply_page(
        claim,
        page.rows,
        next_offset=claim.offset + came if is_full else 0,
        next_in_s=resources.poll_schedule.pause_s(claim.age_s) if is_last else None,
        facts=PageFacts(
            length=_measure(came, asked, is_capped=is_capped),
            mark=page.mark if is_full else "",
            unreadable=page.unreadable_count,
            exchange=exchange,
        ),
    )
    if page.unreadable_count:
        facts = of_message(claim, rows=page.unreadable_count)
        log.warning("message=%(message_ref)s: %(rows)d rows cannot be read", facts)
    if is_last or not left:
        facts = of_message(claim, pending=left)
        log.info("<- polled message=%(message_ref)s: %(pending)s not final", facts)
    elif claim.is_first and not is_capped:
        ring_readers(resources, claim, pages=-(-(claim.size - claim.offset - came) // asked))


def _measure(came: int, asked: int, *, is_capped: bool) -> Length:
    if not came:
        return Length.EMPTY
    return Length.USUAL if came >= asked else Length.CAPPED if is_capped else Length.LAST


def ring_readers(resources: Resources, claim: PollClaim, *, pages: int) -> None:
    """Have other threads, of any worker, read along where several pages are left."""
    for _ in range(min(pages, MAX_READERS) - 1):
        resources.rings.ring(Task.POLL_MESSAGE, [claim.ref], Queue.POLL)


def postpone(
    resources: Resources,
    claim: PollClaim,
    failure: GatewayError,
    heard: Heard,
    exchange: Exchange,
) -> None:
    """Ask for the same page again: when the gate opens, soon, or at the next poll's time."""
    pause_s: float | None = resources.poll_schedule.pause_s(claim.age_s)
    if heard.scope is not Scope.OWN and isinstance(failure, BusyError | NotSentError):
        pause_s = None
    elif isinstance(failure, TemporaryError):
        pause_s = max(BROKEN_PAUSE_S, claim.age_s * BROKEN_AGE_SHARE)
    try:
        facts = PageFacts(exchange=exchange)
        resources.polls.apply_page(
            claim, [], next_offset=claim.offset, next_in_s=pause_s, facts=facts
        )
    except ResponseError as error:
        if not is_of_data(error):
            raise
        set_aside(resources, Unprepared(claim.ref, claim.number, failure.reason))
