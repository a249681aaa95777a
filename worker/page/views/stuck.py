"""The page "Stuck": what waits for an operator, what it means, and the button for it.

In:  the ledger. Out: the templates `stuck.html` and `stuck_all.html`; jobs and deliveries moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from smsq.errors import InvalidMessageError, NotFoundError
from smsq.events.webhooks import Webhooks
from smsq.models import JobState, Settlement
from smsq.operate.stuck_job import StuckJob, read_stuck
from smsq.operate.stuck_jobs import StuckJobs
from smsq.operate.unmatched import UnmatchedJobs
from worker.page.frame import Act, Answer, Moved, Page, Shown, View, Visit

#: Of each kind on the page; of them all that one press moves on.
MOST, MOST_AT_ONCE = 20, 200

#: Of a message id.
_MOST_DIGITS = 18

_STATES = (JobState.UNKNOWN, JobState.DEAD)


@dataclass(frozen=True, slots=True)
class Listed:
    """Jobs of one state.

    Attributes:
        count: All of them.
        jobs: The first, the longest stuck of all.
    """

    count: int
    jobs: Sequence[StuckJob]


def show(visit: Visit) -> Shown:
    """Show everything that is stuck."""
    hooks = _hooks(visit)
    return Shown(
        "stuck.html",
        {
            "listed": {str(state): read_listed(visit, state, MOST) for state in _STATES},
            "unmatched": list(islice(_unmatched(visit).list_unmatched(), MOST)),
            "deliveries": list(hooks.dead())[:MOST],
            "has_ended": bool(visit.services.settings.webhook_url) and hooks.has_ended(),
            "most": MOST,
        },
    )


def read_listed(visit: Visit, state: JobState, most: int) -> Listed:
    """Read the jobs of a state that have been stuck for longest, in three calls."""
    redis, keys = visit.services.redis, visit.services.scripts.keys
    ids = cast("list[str]", redis.zrange(keys.listed(state), 0, most - 1))
    pipeline = redis.pipeline(transaction=False)
    pipeline.zcard(keys.listed(state))
    for job_id in ids:
        pipeline.hgetall(keys.job(job_id))
    count, *jobs = pipeline.execute()
    found = zip(ids, cast("list[dict[str, str]]", jobs), strict=True)
    rows = [read_stuck(job_id, job) for job_id, job in found if job.get("state") == state]
    return Listed(int(count), rows)


#: What can be done to a stuck job: name → state it is for, what it does.
DEEDS: Mapping[str, tuple[JobState, Callable[[StuckJobs, str], None]]] = {
    "resend": (JobState.UNKNOWN, lambda jobs, job_id: jobs.resend(job_id)),
    "accepted": (
        JobState.UNKNOWN,
        lambda jobs, job_id: jobs.settle(job_id, Settlement.ACCEPTED),
    ),
    "rejected": (
        JobState.UNKNOWN,
        lambda jobs, job_id: jobs.settle(job_id, Settlement.FAILED),
    ),
    "retry": (JobState.DEAD, lambda jobs, job_id: jobs.retry(job_id)),
}


def act_on_one(visit: Visit) -> Moved:
    """Do one thing to one job."""
    _, do = _deed(visit)
    do(_stuck_jobs(visit), visit.path["job_id"])
    return Moved("/stuck", "said.stuck_done")


def act_on_all(visit: Visit) -> Answer:
    """First say what it would mean for all; with `sure`, do it to as many as one press may."""
    state, do = _deed(visit)
    name, listed = visit.path["deed"], read_listed(visit, state, MOST_AT_ONCE)
    values = {"deed": name, "state": str(state), "count": listed.count, "most": MOST_AT_ONCE}
    if visit.form.get("sure") != "1":
        recipients = sum(job.size for job in listed.jobs)
        price = visit.services.settings.price_per_part
        sends = name in {"resend", "retry"}
        cost = float(price * recipients) if price is not None and sends else None
        told = {"jobs": len(listed.jobs), "recipients": recipients, "cost": cost}
        return Shown("stuck_all.html", {**values, **told, "done": None, "refused": []})
    refused, stuck_jobs = [], _stuck_jobs(visit)
    for job in listed.jobs:
        try:
            do(stuck_jobs, job.id)
        except (InvalidMessageError, NotFoundError) as error:
            refused.append(str(error))
    done = len(listed.jobs) - len(refused)
    return Shown("stuck_all.html", {**values, "done": done, "refused": refused})


def attach(visit: Visit) -> Moved:
    """Give a message of a job its id, as the gateway's own page tells it."""
    message_id = visit.form.get("message_id", "").strip()
    if not (message_id.isascii() and message_id.isdecimal() and len(message_id) <= _MOST_DIGITS):
        raise InvalidMessageError(["message id: write the gateway's number, as 123456"])
    name = visit.form.get("name", "")
    _unmatched(visit).attach(visit.path["job_id"], name, int(message_id))
    return Moved("/stuck", "said.stuck_done")


def replay(visit: Visit) -> Moved:
    """Post a delivery again that was given up."""
    _hooks(visit).replay(visit.path["delivery_id"], by=visit.by)
    return Moved("/stuck", "said.stuck_done")


def resume_webhook(visit: Visit) -> Moved:
    """Post again to a receiver that answered 410."""
    _hooks(visit).resume(by=visit.by)
    return Moved("/stuck", "said.stuck_done")


def _deed(visit: Visit) -> tuple[JobState, Callable[[StuckJobs, str], None]]:
    try:
        return DEEDS[visit.path["deed"]]
    except KeyError:
        raise NotFoundError(f"there is no {visit.path['deed']}") from None


def _stuck_jobs(visit: Visit) -> StuckJobs:
    return StuckJobs(visit.services.settings, visit.services.redis, by=visit.by)


def _hooks(visit: Visit) -> Webhooks:
    return Webhooks(visit.services.scripts, url=visit.services.settings.webhook_url)


def _unmatched(visit: Visit) -> UnmatchedJobs:
    return UnmatchedJobs(visit.services.settings, visit.services.redis, by=visit.by)


PAGE = Page(
    "stuck",
    views=[View("/stuck", show, shared_s=3.0, again_s=15)],
    acts=[
        Act("/stuck/job/{job_id}/{deed}", act_on_one),
        Act("/stuck/all/{deed}", act_on_all),
        Act("/stuck/unmatched/{job_id}", attach),
        Act("/stuck/delivery/{delivery_id}", replay),
        Act("/stuck/webhook", resume_webhook),
    ],
)
