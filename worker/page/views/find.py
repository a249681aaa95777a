"""The page "Find": a send by its id, your reference or a phone; what happened to it.

In:  what somebody typed, an id. Out: a list; a timeline with every recipient, on pages.

What is typed may be a phone, so it is posted: addresses are logged on the way. Phones are masked;
an operator may have them shown in full, and that is written down.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence

from smsq.audit.acts import Act as AuditAct
from smsq.audit.audit import Audit
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.finding.summary import JobSummary
from smsq.models import Kind
from smsq.status.gathered_sends import load_send, read_own_id
from smsq.status.recipients import RecipientPage, read_place, read_recipients
from smsq.status.timeline import make_steps
from smsq.status.views import Views
from smsq.text.phones import mask_phone, normalize_phone
from worker.page.frame import Act, Answer, Moved, Page, Shown, View, Visit

log = logging.getLogger(__name__)

#: Sends that a search shows; who has more has to look closer.
MOST_FOUND = 50

_LONGEST = 200


def show_form(_: Visit) -> Shown:
    """Show the form alone."""
    return Shown("find.html", {"found": None, "is_full": False, "no_phones": False})


def search(visit: Visit) -> Answer:
    """Find what was typed, as an id, as a reference, as a phone."""
    typed = visit.form.get("what", "").strip()[:_LONGEST]
    if not typed:
        return Moved("/find")
    if _is_id(visit, typed):
        return Moved(f"/find/{typed}")
    found = list(_look_up(visit, typed))
    found.sort(key=lambda one: one.created_at, reverse=True)
    settings = visit.services.settings
    values = {
        "found": found[:MOST_FOUND],
        "is_full": len(found) >= MOST_FOUND,
        "no_phones": not settings.find_by_phone,
    }
    return Shown("find.html", values)


def show_job(visit: Visit) -> Shown:
    """Show what happened to a job or a campaign, phones masked."""
    return _show(visit, visit.query.get("from", ""))


def show_phones(visit: Visit) -> Shown:
    """Show the same with phones in full, and write down who saw them."""
    shown = _show(visit, visit.form.get("from", ""), full_phones=True)
    Audit(visit.services.scripts).record(visit.by, AuditAct.RECIPIENTS, visit.path["job_id"])
    log.info("full phones shown by=%s of=%s", visit.by, visit.path["job_id"])
    return shown


def _is_id(visit: Visit, typed: str) -> bool:
    if typed[:1] not in {"j", "c"} or not typed.replace(".", "").isalnum():
        return False
    with contextlib.suppress(NotFoundError):
        _views(visit).status(typed)
        return True
    return False


def _look_up(visit: Visit, typed: str) -> Iterator[JobSummary]:
    queue, settings = visit.services.queue, visit.services.settings
    with contextlib.suppress(InvalidMessageError):  # too long for a reference, or of odd characters
        yield from queue.find(reference=typed, limit=MOST_FOUND)
    is_any = settings.accept_unknown_ranges
    is_phone = normalize_phone(typed, settings.default_region, accept_unknown=is_any)
    if settings.find_by_phone and is_phone:
        yield from queue.find(phone=typed, limit=MOST_FOUND)


def _show(visit: Visit, start: str, *, full_phones: bool = False) -> Shown:
    some_id, services = visit.path["job_id"], visit.services
    status = _views(visit).status(some_id)
    recipients = _read_recipients(visit, some_id, start)
    return Shown(
        "job.html",
        {
            "status": status,
            "is_campaign": status.kind is Kind.CAMPAIGN,
            "steps": make_steps(services.stuck_jobs.timeline(some_id)),
            "progress": services.stuck_jobs.progress(some_id),
            "recipients": recipients,
            "has_references": any(one.reference for one in recipients.rows),
            "start": start,
            "show_phone": str if full_phones else mask_phone,
            "full_phones": full_phones,
        },
    )


def _read_recipients(visit: Visit, some_id: str, start: str) -> RecipientPage:
    redis, keys = visit.services.redis, visit.services.scripts.keys
    if own_id := read_own_id(some_id):
        outcome = load_send(redis, keys, own_id).outcome
        return RecipientPage([outcome] if outcome else [], None)
    job_ids: Sequence[str] = _views(visit).job_ids(some_id)
    return read_recipients(redis, keys, job_ids, read_place(start))


def _views(visit: Visit) -> Views:
    return Views(visit.services.redis, visit.services.scripts.keys)


PAGE = Page(
    "find",
    views=[View("/find", show_form), View("/find/{job_id}", show_job, shared_s=2.0, again_s=10)],
    acts=[Act("/find", search, for_readers=True), Act("/find/{job_id}/phones", show_phones)],
)
