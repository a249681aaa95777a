"""What the ledger's scripts take. Pure, but for a random secret.

In:  jobs to be stored. Out: arguments, as the scripts read them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

from smsq.models import MessageRequest
from smsq.records.buckets import count_buckets
from smsq.records.jobs import Idempotency, NewJob, NewSend

#: A staged campaign that was never committed goes away by itself.
STAGE_TTL_MS = 24 * 3600 * 1000

#: Recipients, and characters of texts, that one script call stages: a few milliseconds.
SLICE_RECIPIENTS, SLICE_CHARACTERS = 500, 500_000
#: A message counts as so many recipients beside its own.
_MESSAGE_RECIPIENTS = 2
_PIECE_TEXTS = 250


@cache
def candidate_secret() -> str:
    """Make a secret for the index of an installation that has none yet (index.lua)."""
    return secrets.token_hex(16)


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
        candidate_secret(),
        int(job.has_phone),
        job.limits,
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
        send.names,
        candidate_secret(),
        int(send.has_phone),
        send.traceparent,
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
            own = [message.references.get(phone, "") for phone in phones]
            references = {"references": own} if message.references else {}
            slice_.append(piece | head | {"phones": phones, "texts": texts} | references)
            head = {}
            room -= len(phones) + _MESSAGE_RECIPIENTS
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
