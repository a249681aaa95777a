"""What an attempt's outcome means for its job. Pure.

In:  an outcome and how many attempts were made. Out: the job's next state and when it is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

from smsq.domain.account import Heard, Scope, read_pause_s
from smsq.domain.backoff import Backoff
from smsq.errors import GatewayError
from smsq.models import JobState, OnUnknown, Outcome, RecipientState


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to write down about an attempt.

    Attributes:
        state: The job's next state.
        delay_s: Due after this long, for `queued` and `waiting`.
        error: Why; "" clears an earlier one.
        error_class: The outcome in one word, to find jobs by; "" when nothing went wrong.
        is_counted: False gives the attempt back.
        message_id: The gateway's id of a quick job's message.
        gateway_fields: What else the gateway's answer said, kept with the job.
    """

    state: JobState
    delay_s: float = 0.0
    error: str = ""
    error_class: str = ""
    is_counted: bool = True
    message_id: int | None = None
    gateway_fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to stop trying.

    Attributes:
        max_attempts: Temporary failures before a job is `dead`; 1 or more.
        backoff: Pauses between them.
    """

    max_attempts: int
    backoff: Backoff


def decide(
    outcome: Outcome,
    *,
    attempts: int,
    on_unknown: OnUnknown,
    policy: RetryPolicy,
    reason: str,
    retry_after_s: float | None = None,
) -> Verdict:
    """Choose a job's next state after an attempt that was not accepted.

    An unknown outcome is not a failure: the gateway may hold the message already, and sending it
    again could reach the phone twice. Only a caller who said so has it sent again.

    Args:
        outcome: What the attempt came to.
        attempts: Attempts made, this one included; 1 or more.
        on_unknown: What the job's caller asked for.
        policy: Limits.
        reason: Kept as the job's error.
        retry_after_s: What the gateway asked for, None when it did not.
    """
    failed = partial(Verdict, error=reason, error_class=outcome)
    is_last = attempts >= policy.max_attempts
    delay_s = max(policy.backoff.pause_s(attempts), retry_after_s or 0)
    match outcome:
        case Outcome.ACCEPTED:
            return Verdict(state=JobState.ACCEPTED)
        case Outcome.REFUSED:
            return failed(state=JobState.REJECTED)
        case Outcome.BUSY | Outcome.MISCONFIGURED | Outcome.NO_MONEY:
            # The limiter's gate holds everybody back; the job itself is as ready as before.
            return failed(state=JobState.QUEUED, is_counted=False)
        case Outcome.UNKNOWN if on_unknown is OnUnknown.HOLD or is_last:
            return failed(state=JobState.UNKNOWN)
        case Outcome.TEMPORARY if is_last:
            return failed(state=JobState.DEAD, error=f"gave up after {attempts} attempts: {reason}")
        case _:
            is_counted = outcome not in _NOTHING_SENT
            return failed(state=JobState.WAITING, delay_s=delay_s, is_counted=is_counted)


#: No request was made: that costs no attempt, however long it lasts.
_NOTHING_SENT = {Outcome.NOT_SENT, Outcome.UNPREPARED}

#: Pauses of a job that fails while others pass, and how it ends: so often, they are no chance.
ASIDE = Backoff(2, 3600)
MOST_OWN_REFUSALS, MOST_OWN_BUSY = 10, 20

#: A job that gets 429 more often in a row waits by itself, whoever's fault it is.
MOST_BUSY_AT_ONCE = 3

#: What may be one message's fault, whatever its words say.
_SETS_ASIDE = {Outcome.MISCONFIGURED, Outcome.BUSY, Outcome.NO_MONEY}

HTTP_BUSY = 429

#: Longest pause while nobody knows yet whose fault it is.
ALONE_MAX_S = 60.0


def weigh(verdict: Verdict, failure: GatewayError, heard: Heard) -> Verdict:
    """Weigh what an outcome means by whose fault the failure is.

    What is the account's leaves the job as ready as before, and counts no attempt. What is the
    job's own sets it aside. A job that may be out is unknown, and one that was refused is rejected,
    whatever happens to others.

    Args:
        verdict: As `decide` made it.
        failure: How the request failed.
        heard: Whose fault it is.
    """
    outcome = failure.outcome
    if outcome in {Outcome.REFUSED, Outcome.UNKNOWN}:
        return verdict
    if heard.scope is Scope.ALL:
        # It closes the gate for others again and again, and is ahead of them in the line.
        steps_aside = outcome is Outcome.BUSY and heard.times > MOST_BUSY_AT_ONCE
        delay_s = ASIDE.pause_s(heard.times - MOST_BUSY_AT_ONCE) if steps_aside else 0.0
        return Verdict(
            state=JobState.WAITING if steps_aside else JobState.QUEUED,
            delay_s=min(delay_s, ALONE_MAX_S),
            error=heard.why or failure.reason,
            error_class=outcome,
            is_counted=False,
        )
    if outcome is Outcome.NOT_SENT:
        return replace(verdict, delay_s=min(ASIDE.pause_s(heard.times), ALONE_MAX_S))
    # A 429 that came too late to close the gate again says nothing about its job.
    is_late_news = failure.status == HTTP_BUSY and heard.scope is Scope.ALONE
    if outcome in _SETS_ASIDE and not is_late_news:
        return _set_aside(failure, heard)
    return verdict


def _set_aside(failure: GatewayError, heard: Heard) -> Verdict:
    """Have a job wait that fails alone; no attempt is counted, and it ends once that is certain."""
    failed = partial(Verdict, error_class=failure.outcome, is_counted=False)
    error = f"{failure.reason}, {heard.times_own} times while others passed"
    if failure.outcome is Outcome.MISCONFIGURED and heard.times_own >= MOST_OWN_REFUSALS:
        return failed(state=JobState.REJECTED, error=error)
    if failure.outcome is Outcome.BUSY and heard.times_own >= MOST_OWN_BUSY:
        return failed(state=JobState.DEAD, error=error)
    delay_s = max(ASIDE.pause_s(heard.times), read_pause_s(failure) or 0)
    if heard.scope is Scope.ALONE:
        delay_s = min(delay_s, ALONE_MAX_S)
    return failed(state=JobState.WAITING, delay_s=delay_s, error=failure.reason)


#: The gateway's words we know, in lower case. An unknown word means "not final yet".
GATEWAY_WORDS: Mapping[str, RecipientState] = MappingProxyType(
    {
        "new": RecipientState.PENDING,
        "queued": RecipientState.PENDING,
        "sent": RecipientState.SENT,
        "delivered": RecipientState.DELIVERED,
        "undelivered": RecipientState.UNDELIVERED,
        "not delivered": RecipientState.UNDELIVERED,
        "expired": RecipientState.UNDELIVERED,
        "rejected": RecipientState.UNDELIVERED,
        "failed": RecipientState.UNDELIVERED,
    }
)


def plain_word(word: str) -> str:
    """Write a word of the gateway's as tables have it: `Not_Delivered` is `not delivered`."""
    return word.strip().lower().replace("_", " ")


def read_gateway_word(
    word: str, words: Mapping[str, RecipientState] = GATEWAY_WORDS
) -> RecipientState | None:
    """Translate the gateway's word; None when the table does not have it."""
    return words.get(plain_word(word))
