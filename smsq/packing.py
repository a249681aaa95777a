"""What the ledger's scripts take and give, as nouns of ours. Pure.

In:  jobs to be stored; the flat lists that Redis answers with. Out: arguments; claims.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smsq.errors import KeyConflictError
from smsq.jobs import Claim, Idempotency, NewJob, Stored
from smsq.keys import count_buckets
from smsq.models import Kind, MessageRequest, OnUnknown, ViberForward

#: A staged campaign that was never committed goes away by itself.
STAGE_TTL_MS = 24 * 3600 * 1000


def enqueue_args(job: NewJob, once: Idempotency, *, stage: bool) -> list[str | int]:
    """Write the arguments of `enqueue.lua`.

    Args:
        job: Checked.
        once: What makes the call repeatable.
        stage: True keeps the job out of sight until its campaign is committed.
    """
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
        once.ttl_ms,
        "" if job.due_at_ms is None else job.due_at_ms,
        STAGE_TTL_MS if stage else "",
    ]


def _message_fields(message: MessageRequest) -> dict[str, str]:
    optional = {"text": message.text, "schedule_time": message.schedule_time}
    return {
        "name": message.name,
        "alphaname_id": message.alphaname_id,
        **{name: value for name, value in optional.items() if value is not None},
    }


def read_stored(answer: Sequence[str]) -> tuple[Stored, str]:
    """Read what `enqueue.lua` or `commit.lua` did, and the id of what is stored.

    Raises:
        KeyConflictError: The key was used before with other content.
    """
    word, stored_id = answer
    if word == "conflict":
        raise KeyConflictError(
            f"this key was used before with other content, for {stored_id}: use a new key"
        )
    # 'taken' and 'gone' cannot happen with fresh random ids and a stage of a day.
    return Stored(word), stored_id


def to_dict(flat: Sequence[str]) -> dict[str, str]:
    """Read a hash that Redis wrote as one list."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


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
