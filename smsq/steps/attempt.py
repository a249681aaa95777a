"""Attempt: one claimed job, one gateway request, one word in the ledger on what came of it.

In:  a claim and its slot. Out: the job, settled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from redis.exceptions import RedisError

from smsq.domain.account import Endpoint, Heard, read_pause_s
from smsq.domain.outcomes import Verdict, decide, weigh
from smsq.errors import (
    GatewayError,
    RefusedError,
    UnknownOutcomeError,
    UnpreparedError,
    say_unforeseen,
)
from smsq.gateway.http.deadline import forget_exchange, has_written
from smsq.measures.exchange import measure_send
from smsq.models import BulkAccepted, JobState, Kind, Outcome, QuickAccepted
from smsq.names import Durability
from smsq.pacing.slots import Slot
from smsq.records.facts import of_job
from smsq.records.jobs import Claim, Unprepared
from smsq.steps.prepare import prepare
from smsq.steps.resources import Resources
from smsq.steps.set_aside import set_aside
from smsq.steps.settle import settle
from smsq.steps.tell_limiter import hear_failure, hear_pass
from smsq.store.refusals import say
from smsq.text.parts import count_parts
from smsq.tracing import NoSpan, attempting

log = logging.getLogger(__name__)

#: Longest wait for Redis' disk or replicas, with SMSQ_DURABLE_CLAIMS; well within a lease's margin.
KEEP_WAIT_MS = 5000

#: Pause after a claim that did not get there.
KEEP_PAUSE_S = 1.0


def attempt(
    resources: Resources, slot: Slot, claim: Claim, *, leased_at_s: float
) -> JobState | None:
    """Make one claimed attempt and settle it.

    Args:
        resources: Of this process.
        slot: The permission for this one request.
        claim: The job.
        leased_at_s: Just before the claim was asked for, on the monotonic clock.

    Returns:
        What the answer made of the job; None when no request was made.
    """
    endpoint = Endpoint.of(claim.kind)
    ready = make_ready(resources, claim, leased_at_s)
    if ready is None:
        resources.limiter.hand_back(slot, who=claim.job_id, endpoint=endpoint)
        return None
    with attempting(ready.traceparent, ready.traceparents, **of_job(ready)) as span:
        return request(resources, slot, ready, span, leased_at_s=leased_at_s)


def request(
    resources: Resources, slot: Slot, claim: Claim, span: NoSpan, *, leased_at_s: float
) -> JobState | None:
    """Make the one request of a claim, and settle it; returns as `attempt` does."""
    endpoint = Endpoint.of(claim.kind)
    log.info("-> send job=%(job)s attempt=%(attempt)d", of_job(claim))
    started_at_s = time.monotonic()
    result = submit(resources, claim, leased_at_s=leased_at_s)
    took_ms = (time.monotonic() - started_at_s) * 1000
    if isinstance(result, UnpreparedError):
        step_aside(resources, claim, result.reason)
        span.note(outcome="not made", is_failed=True)
        resources.limiter.hand_back(slot, who=claim.job_id, endpoint=endpoint)
        return None
    heard = Heard()
    if isinstance(result, GatewayError) and not isinstance(result, RefusedError):
        heard = hear_failure(resources, slot, result, who=claim.job_id, endpoint=endpoint)
    verdict = judge(resources, claim, result, heard)
    price = resources.settings.price_per_part
    exchange = measure_send(endpoint, result, took_ms, claim.messages, price)
    is_ours = settle(resources, claim, verdict, exchange)
    ended = {
        "outcome": verdict.state,
        "reason": verdict.error_class,
        "http_status": result.status,
        "ms": took_ms,
    }
    tell_end(claim, verdict, ended, is_ours=is_ours)
    span.note(**ended, is_failed=isinstance(result, GatewayError))
    if not isinstance(result, GatewayError) or isinstance(result, RefusedError):
        hear_pass(resources, slot, endpoint)
    return verdict.state


def tell_end(claim: Claim, verdict: Verdict, ended: Mapping[str, Any], *, is_ours: bool) -> None:
    """Write what came of a request to the log."""
    late = "" if is_ours else " too late: another attempt has taken over"
    why = f" ({verdict.error})" if verdict.error else ""
    facts = of_job(claim, **ended, rest=f"{why}{late}")
    log.info("<- %(outcome)s job=%(job)s %(ms).0fms%(rest)s", facts)


def step_aside(resources: Resources, claim: Claim, reason: str) -> None:
    """Set a job aside whose request was not made; if its lease has ended, take that doubt back."""
    if set_aside(resources, Unprepared(claim.job_id, claim.number, reason)) == "stale":
        settle(resources, claim, Verdict(state=JobState.QUEUED, error=reason, is_counted=False))


def make_ready(resources: Resources, claim: Claim, leased_at_s: float) -> Claim | None:
    """Do what comes before the request; None where there is none to be made."""
    whole = prepare(resources, claim)
    if whole is None:
        return None
    if not is_kept(resources, whole):
        hand_back(resources, whole)
        return None
    if is_expired(whole, leased_at_s):
        give_up_late(resources, whole)
        return None
    if resources.scripts.watch:
        resources.scripts.watch.note_request(whole.claimed_at_s)
    return whole


def is_kept(resources: Resources, claim: Claim) -> bool:
    """Wait until Redis cannot forget the claim any more, and so have the job sent twice."""
    level = resources.settings.durable_claims
    if level is Durability.NONE:
        return True
    try:
        return resources.claims.confirm(claim, wait_ms=KEEP_WAIT_MS, level=level)
    except RedisError as error:
        log.warning("Redis cannot say whether it keeps the claim (%s)", say(error))
        return False


def hand_back(resources: Resources, claim: Claim) -> None:
    """Put a job back whose request was not made; it costs no attempt."""
    is_disk = resources.settings.durable_claims is Durability.DISK
    where = "Redis' disk" if is_disk else "a replica"
    error = f"the claim did not reach {where} in time"
    settle(resources, claim, Verdict(state=JobState.QUEUED, error=error, is_counted=False))
    facts = of_job(claim, outcome=JobState.QUEUED, why=error)
    log.warning("<- queued job=%(job)s (%(why)s): see docs/operations.md", facts)
    resources.stop.wait(KEEP_PAUSE_S)


def is_expired(claim: Claim, leased_at_s: float) -> bool:
    """Say whether the time to send it passed between the claim and the request."""
    expires_in_s = claim.expires_in_s
    return expires_in_s is not None and time.monotonic() - leased_at_s >= expires_in_s


def give_up_late(resources: Resources, claim: Claim) -> None:
    """End a job that expired between its claim and its request; nothing was sent."""
    error = "not sent in time"
    settle(resources, claim, Verdict(state=JobState.EXPIRED, error=error, is_counted=False))
    facts = of_job(claim, outcome=JobState.EXPIRED, why=error)
    log.warning("<- expired job=%(job)s (%(why)s, after the claim)", facts)


def submit(
    resources: Resources, claim: Claim, *, leased_at_s: float
) -> QuickAccepted | BulkAccepted | GatewayError:
    """Ask the gateway once; whatever is raised becomes an outcome."""
    # A process that was stopped for a while must not send on a lease that is running out.
    if time.monotonic() - leased_at_s > resources.lease_s - resources.settings.timeout_s:
        return UnpreparedError("stalled between claim and request")
    forget_exchange()
    try:
        if claim.kind is Kind.QUICK:
            return resources.gateway.send_quick(claim.quick_request)
        return resources.gateway.send_bulk(claim.messages, resources.callback_url(claim))
    except GatewayError as failure:
        return failure
    except Exception as error:  # noqa: BLE001 - what matters is whether the request went out
        if has_written():
            why = say_unforeseen("something went wrong after the request was written", error)
            return UnknownOutcomeError(why)
        return UnpreparedError(say_unforeseen("the request cannot be made", error))


def judge(
    resources: Resources,
    claim: Claim,
    result: QuickAccepted | BulkAccepted | GatewayError,
    heard: Heard,
) -> Verdict:
    """Say what the answer means for the job; the answer is there, so nothing here may raise."""
    try:
        return read_verdict(resources, claim, result, heard)
    except Exception as error:  # noqa: BLE001 - the request was written
        why = say_unforeseen("the answer cannot be judged", error)
        return Verdict(state=JobState.UNKNOWN, error=why, error_class=Outcome.UNKNOWN)


def read_verdict(
    resources: Resources,
    claim: Claim,
    result: QuickAccepted | BulkAccepted | GatewayError,
    heard: Heard,
) -> Verdict:
    """Say what the answer means for the job."""
    match result:
        case QuickAccepted():
            fields = {"gateway_status": result.gateway_status, "parts": str(result.parts)}
            own_parts = count_parts(claim.quick_request.text).count
            if result.parts and result.parts != own_parts:
                fields["own_parts"] = str(own_parts)
            return Verdict(state=JobState.ACCEPTED, message_id=result.sms_id, gateway_fields=fields)
        case BulkAccepted():
            return Verdict(state=JobState.ACCEPTED, gateway_fields={"uuid": result.uuid})
        case failure:
            verdict = decide(
                failure.outcome,
                attempts=claim.attempts,
                on_unknown=claim.on_unknown,
                policy=resources.retry_policy,
                reason=failure.reason,
                retry_after_s=read_pause_s(failure),
            )
            return weigh(verdict, failure, heard)
