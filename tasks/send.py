"""Send jobs: wait for a slot, claim, ask the gateway, write down what came of it.

In:  job ids, by ring. Out: settled jobs in the ledger.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from celery import Task as CeleryTask
from celery import shared_task

from smsq.errors import BusyError, GatewayError, MisconfiguredError, NotSentError, TemporaryError
from smsq.jobs import Claim, NoClaim
from smsq.limiter import MISCONFIGURED_CLOSE_S, Slot
from smsq.models import BulkAccepted, JobState, Kind, QuickAccepted
from smsq.names import Queue, Task
from smsq.states import Verdict, decide
from tasks.resources import Resources, get_resources

log = logging.getLogger(__name__)


@shared_task(name=Task.SEND_QUICK, bind=True)
def send_quick(self: CeleryTask[[Sequence[str]], None], job_ids: Sequence[str]) -> None:
    """Send quick jobs, one after the other."""
    hand_back(Task.SEND_QUICK, self, send_all(get_resources(), job_ids))


@shared_task(name=Task.SEND_BULK, bind=True)
def send_bulk(self: CeleryTask[[Sequence[str]], None], job_ids: Sequence[str]) -> None:
    """Send bulk jobs, one after the other."""
    hand_back(Task.SEND_BULK, self, send_all(get_resources(), job_ids))


def send_all(resources: Resources, job_ids: Sequence[str]) -> Sequence[str]:
    """Send each job that is still to be sent.

    Returns:
        The jobs that were not looked at because the process shuts down.
    """
    for place, job_id in enumerate(job_ids):
        send_one(resources, job_id)
        if resources.stop.is_set():
            # The one in hand is among them when it was still holding; if not, its ring is harmless.
            return job_ids[place:]
    return []


def hand_back(name: Task, task: CeleryTask[[Sequence[str]], None], job_ids: Sequence[str]) -> None:
    """Ring what was left over, so that another worker takes it at once and not by `recover`."""
    if job_ids:
        queue = Queue((task.request.delivery_info or {})["routing_key"] or Queue.NORMAL)
        get_resources().rings.ring(name, job_ids, queue)
        log.info("handed back %d jobs: the worker shuts down", len(job_ids))


def send_one(resources: Resources, job_id: str) -> None:
    """Wait for a slot, claim, attempt; again when the gate closed in between."""
    while slot := resources.limiter.wait_for_slot(resources.stop, job_id):
        leased_at_s = time.monotonic()
        claim = resources.ledger.claim(job_id, lease_s=resources.lease_s)
        if isinstance(claim, Claim):
            attempt(resources, claim, slot, leased_at_s=leased_at_s)
        if claim is not NoClaim.GATE_CLOSED:
            return


def attempt(resources: Resources, claim: Claim, slot: Slot, *, leased_at_s: float) -> None:
    """Make one claimed attempt and settle it."""
    log.info("-> send job=%s attempt=%d", claim.job_id, claim.attempts)
    started_at_s = time.monotonic()
    verdict = submit(resources, claim, leased_at_s=leased_at_s)
    took_ms = (time.monotonic() - started_at_s) * 1000
    is_ours = resources.ledger.settle(claim, verdict, resources.poll_plan)
    log.info(
        "<- %s job=%s %.0fms%s%s",
        verdict.state,
        claim.job_id,
        took_ms,
        f" ({verdict.error})" if verdict.error else "",
        "" if is_ours else " too late: another attempt has taken over",
    )
    if verdict.state is JobState.ACCEPTED and slot.closings:
        resources.limiter.forgive()


def submit(resources: Resources, claim: Claim, *, leased_at_s: float) -> Verdict:
    """Ask the gateway once; every failure becomes a verdict."""
    try:
        # A process that was stopped for a while must not send on a lease that is running out.
        if time.monotonic() - leased_at_s > resources.lease_s - resources.settings.timeout_s:
            raise NotSentError("stalled between claim and request")
        return to_verdict(request(resources, claim))
    except GatewayError as error:
        failure = error
    if isinstance(failure, BusyError):
        resources.limiter.close(failure.retry_after_s, "429: the gateway asked us to slow down")
    elif isinstance(failure, MisconfiguredError):
        log.error("sending stops for everyone: %s", failure.reason)
        resources.limiter.close(MISCONFIGURED_CLOSE_S, failure.reason)
    return decide(
        failure.outcome,
        attempts=claim.attempts,
        on_unknown=claim.on_unknown,
        policy=resources.retry_policy,
        reason=failure.reason,
        retry_after_s=failure.retry_after_s if isinstance(failure, TemporaryError) else None,
    )


def request(resources: Resources, claim: Claim) -> QuickAccepted | BulkAccepted:
    """Make the claim's one gateway request."""
    if claim.kind is Kind.QUICK:
        return resources.gateway.send_quick(claim.quick_request)
    return resources.gateway.send_bulk(claim.messages, resources.callback_url(claim.job_id))


def to_verdict(accepted: QuickAccepted | BulkAccepted) -> Verdict:
    """Keep what an acceptance taught."""
    if isinstance(accepted, QuickAccepted):
        fields = {"gateway_status": accepted.gateway_status, "parts": str(accepted.parts)}
        return Verdict(state=JobState.ACCEPTED, message_id=accepted.sms_id, gateway_fields=fields)
    return Verdict(state=JobState.ACCEPTED, gateway_fields={"uuid": accepted.uuid})
