"""What the ledger's scripts take and give, as nouns of ours. Pure.

In:  jobs to be stored; the flat lists that Redis answers with. Out: arguments; claims.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from smsq.errors import say_unforeseen
from smsq.jobs import (
    Claim,
    Idempotency,
    NewJob,
    NewSend,
    NoClaim,
    PollClaim,
    Question,
    Unprepared,
)
from smsq.keys import count_buckets
from smsq.models import Kind, MessageRequest, OnUnknown, ViberForward
from smsq.slots import Early

#: A staged campaign that was never committed goes away by itself.
STAGE_TTL_MS = 24 * 3600 * 1000

#: Most recipients, and characters of texts, that one script call stages: a few milliseconds.
SLICE_RECIPIENTS, SLICE_CHARACTERS = 2000, 500_000
_PIECE_TEXTS = 500


def enqueue_args(job: NewJob, once: Idempotency) -> list[str | int]:
    """Write the arguments of `enqueue.lua`."""
    fields = {**job.fields, "kind": job.kind, "priority": job.priority}
    messages = [
        {
            "fields": _message_fields(message),
            "buckets": count_buckets(len(message.recipients)),
            "phones": list(message.recipients),
            "texts": [] if message.text is not None else list(message.recipients.values()),
        }
        for message in job.messages
    ]
    return [
        job.id,
        json.dumps(fields),
        json.dumps(messages),
        once.key,
        once.content,
        int(once.is_again),
        "" if job.due_in_ms is None else job.due_in_ms,
    ]


def gather_args(send: NewSend, once: Idempotency) -> list[str | int]:
    """Write the arguments of `gather.lua`."""
    return [
        send.job_id,
        json.dumps(send.fields),
        # What the gateway's pages call it leads back to the job.
        json.dumps({"name": send.job_id, "alphaname_id": send.alphaname_id}),
        send.group,
        send.phone,
        send.text,
        "" if send.expires_in_ms is None else send.expires_in_ms,
        once.key,
        once.content,
        int(once.is_again),
        send.most,
        count_buckets(send.most),
        send.open_ms,
        send.tag,
    ]


def staged_fields(job: NewJob) -> dict[str, str]:
    """Write a staged job's fields; its messages may come in slices, so their numbers go first."""
    size = sum(len(message.recipients) for message in job.messages)
    numbers = {"messages": str(len(job.messages)), "size": str(size)}
    return {**job.fields, "kind": job.kind, "priority": job.priority, **numbers}


def slice_messages(messages: Sequence[MessageRequest]) -> Iterator[list[dict[str, Any]]]:
    """Cut a job's messages for `stage.lua`: each slice as many recipients and texts as it may."""
    slice_: list[dict[str, Any]] = []
    room, characters = SLICE_RECIPIENTS, SLICE_CHARACTERS
    for n, message in enumerate(messages, start=1):
        head = {"fields": _message_fields(message), "pending": len(message.recipients)}
        piece = {"n": n, "buckets": count_buckets(len(message.recipients))}
        for phones, texts in _cut(message):
            slice_.append(piece | head | {"phones": phones, "texts": texts})
            head = {}
            room -= len(phones)
            characters -= sum(map(len, texts)) + len(message.text or "")
            if room <= 0 or characters <= 0:
                yield slice_
                slice_, room, characters = [], SLICE_RECIPIENTS, SLICE_CHARACTERS
    if slice_:
        yield slice_


def _cut(message: MessageRequest) -> Iterator[tuple[list[str], list[str]]]:
    """Cut a message's phones, with their texts where they have their own."""
    most = SLICE_RECIPIENTS if message.text is not None else _PIECE_TEXTS
    rows = iter(message.recipients.items())
    while part := list(islice(rows, most)):
        yield [phone for phone, _ in part], [text for _, text in part if text is not None]


def _message_fields(message: MessageRequest) -> dict[str, str]:
    optional = {
        "text": message.text,
        "schedule_time": message.schedule_time,
        "starts_at_ms": str(message.starts_at_ms) if message.starts_at_ms else None,
    }
    return {
        "name": message.name,
        "alphaname_id": message.alphaname_id,
        **{name: value for name, value in optional.items() if value is not None},
    }


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
            job_id, number, job, messages = rest
            return read_claim(job_id, number, to_dict(job), messages)
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
            return Question(job_id=job_id, week=int(week), regions=tuple(regions))
        case _:
            return NoClaim(status)


def read_claim(
    job_id: str, number: int, job: Mapping[str, str], messages: Sequence[Sequence[Any]]
) -> Claim:
    """Read what `claim.lua` says of a job."""
    viber = None
    if "viber_name_id" in job:
        viber = ViberForward(
            name_id=int(job["viber_name_id"]), after_min=int(job["viber_after_min"])
        )
    return Claim(
        job_id=job_id,
        kind=Kind(job["kind"]),
        number=number,
        attempts=int(job["attempts"]),
        on_unknown=OnUnknown(job["on_unknown"]),
        viber=viber,
        expires_in_s=int(job["expires_in_ms"]) / 1000 if "expires_in_ms" in job else None,
        messages=[_read_message(*message) for message in messages],
        starts_at_s=int(job.get("starts_at_ms", 0)) / 1000,
    )


def _read_message(
    flat: Sequence[str], phones: Sequence[str], flat_texts: Sequence[str]
) -> MessageRequest:
    fields, texts = to_dict(flat), to_dict(flat_texts)
    return MessageRequest(
        name=fields["name"],
        alphaname_id=fields["alphaname_id"],
        text=fields.get("text"),
        recipients={phone: texts.get(phone) for phone in phones},
        schedule_time=fields.get("schedule_time"),
    )
