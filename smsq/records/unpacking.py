"""What the ledger's scripts answer, as nouns of ours. Pure.

In:  the flat lists that Redis answers with. Out: claims, or why there is none; jobs to ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

from smsq.errors import say_unforeseen
from smsq.models import Kind, MessageRequest, OnUnknown, ViberForward
from smsq.pacing.slots import Early
from smsq.records.jobs import Claim, NewJob, NewSend, NoClaim, PollClaim, Question, Unprepared


def read_rings(one: NewJob | NewSend, answer: Sequence[Any]) -> Sequence[str]:
    """Read which jobs are to be rung now that one was stored."""
    if isinstance(one, NewSend):
        return next(iter(answer[3:]), [])
    return [one.id] if answer[0] == "new" and one.due_in_ms is None else []


def to_dict(flat: Sequence[str]) -> dict[str, str]:
    """Read a hash that Redis wrote as one list."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def read_claim_answer(
    answer: Sequence[Any],
) -> Claim | PollClaim | Early | NoClaim | Question | Unprepared:
    """Read what `claim.lua` says; of a claim that cannot be read, that it cannot."""
    try:
        return _read_claim_answer(answer)
    except Exception as error:  # noqa: BLE001 - what is stored may be anything
        _, claimed_id, number, *_ = answer
        return Unprepared(claimed_id, number, say_unforeseen("stored data cannot be read", error))


def _read_claim_answer(answer: Sequence[Any]) -> Claim | PollClaim | Early | NoClaim | Question:
    status, *rest = answer
    match status:
        case "job":
            job_id, number, job, parts, has_more = rest
            return read_claim(job_id, number, to_dict(job), parts, is_whole=not has_more)
        case "poll":
            ref, number, message_id, offset, age_ms, size, buckets, is_first = rest
            return PollClaim(
                ref=ref,
                number=number,
                message_id=int(message_id),
                offset=offset,
                age_s=age_ms / 1000,
                size=size,
                buckets=buckets,
                is_first=bool(is_first),
            )
        case "early":
            return Early(rest[0] / 1e6)
        case "regions":
            return Question(job_id=rest[0])
        case "calendar":
            week, regions, job_id = rest
            return _read_calendar_question(week, regions, job_id)
        case _:
            return NoClaim(status)


def read_prepared(claim: Claim, answer: Sequence[Any]) -> Claim | NoClaim | Question | Unprepared:
    """Read what `prepare.lua` says: the claim with its next slice, or why there is none."""
    status, *rest = answer
    match status:
        case "ok":
            parts, has_more = rest
            try:
                return _join(replace(claim, is_whole=not has_more), parts)
            except Exception as error:  # noqa: BLE001 - what is stored may be anything
                why = say_unforeseen("stored data cannot be read", error)
                return Unprepared(claim.job_id, claim.number, why)
        case "calendar":
            week, regions = rest
            return _read_calendar_question(week, regions, claim.job_id)
        case _:
            return NoClaim(status)


def _read_calendar_question(week: str, regions: Sequence[str], job_id: str) -> Question:
    return Question(job_id=job_id, week=int(week), regions=tuple(regions))


def read_claim(
    job_id: str,
    number: int,
    job: Mapping[str, str],
    parts: Sequence[Sequence[Any]],
    *,
    is_whole: bool,
) -> Claim:
    """Read what `claim.lua` says of a job."""
    viber = None
    if "viber_name_id" in job:
        viber = ViberForward(
            name_id=int(job["viber_name_id"]), after_min=int(job["viber_after_min"])
        )
    claim = Claim(
        job_id=job_id,
        kind=Kind(job["kind"]),
        number=number,
        attempts=int(job["attempts"]),
        on_unknown=OnUnknown(job["on_unknown"]),
        viber=viber,
        expires_in_s=int(job["expires_in_ms"]) / 1000 if "expires_in_ms" in job else None,
        messages=(),
        claimed_at_s=int(job["claimed_at_ms"]) / 1000,
        starts_at_s=int(job.get("starts_at_ms", 0)) / 1000,
        is_whole=is_whole,
        priority=job.get("priority", ""),
        campaign_id=job.get("campaign", ""),
        traceparent=job.get("traceparent", ""),
        traceparents=job.get("traceparents", "").split(),
    )
    return _join(claim, parts)


def _join(claim: Claim, parts: Sequence[Sequence[Any]]) -> Claim:
    """Add a slice to a claim; it may go on with the claim's last message."""
    messages, numbers = list(claim.messages), list(claim.numbers)
    for number, flat, phones, texts in parts:
        recipients = dict(zip(phones, texts or repeat(None), strict=False))
        if number in numbers[-1:]:
            earlier = messages.pop()
            messages.append(replace(earlier, recipients={**earlier.recipients, **recipients}))
        else:
            messages.append(_read_message(to_dict(flat), recipients))
            numbers.append(number)
    return replace(claim, messages=messages, numbers=numbers)


def _read_message(
    fields: Mapping[str, str], recipients: Mapping[str, str | None]
) -> MessageRequest:
    return MessageRequest(
        name=fields["name"],
        alphaname_id=fields["alphaname_id"],
        text=fields.get("text"),
        recipients=recipients,
        schedule_time=fields.get("schedule_time"),
    )
