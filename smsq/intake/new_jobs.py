"""Makes jobs of checked messages: ids, fields, digests of keys. Pure, but for random ids.

In:  checked messages and settings. Out: `NewJob` and `Idempotency`, ready for the ledger.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict
from datetime import datetime

from smsq.domain.own_names import OwnNames
from smsq.intake.intake import CheckedQuick
from smsq.models import Kind, OnUnknown
from smsq.records.jobs import Idempotency, NewJob
from smsq.settings import Settings
from smsq.store import detour
from smsq.tracing import trace_fields

_ID_BYTES = 8
_DIGEST_CHARS = 32


def new_job_id() -> str:
    """Make a job id; random, so that nobody can guess a neighbour's."""
    return f"j{secrets.token_hex(_ID_BYTES)}"


def new_campaign_id() -> str:
    """Make a campaign id."""
    return f"c{secrets.token_hex(_ID_BYTES)}"


def assemble_quick(checked: CheckedQuick, settings: Settings) -> tuple[NewJob, Idempotency]:
    """Make a quick job, and what lets its call be repeated."""
    fields = shared_fields(checked.on_unknown, settings)
    if checked.viber:
        fields["viber_name_id"] = str(checked.viber.name_id)
        fields["viber_after_min"] = str(checked.viber.after_min)
    if checked.expires_in_s:
        fields["expires_in_ms"] = str(in_ms(checked.expires_in_s))
    fields |= name_fields(checked.names) | trace_fields(checked.key)
    job = NewJob(
        id=new_job_id(),
        kind=Kind.QUICK,
        priority=checked.priority,
        fields=fields,
        messages=[checked.request],
        due_in_ms=in_ms(checked.due_in_s) if checked.due_at else None,
        has_phone=settings.find_by_phone,
        limits=",".join(f"{most}/{period_s * 1000}" for most, period_s in settings.per_phone),
    )
    return job, repeatable(checked)


def content_of(checked: CheckedQuick) -> str:
    """Digest what a repeated call must have in common with the first.

    What is sent, by whom, to whom and when. How it is handled (`priority`, `gather`,
    `expires_in_s`, `on_unknown`) and what it is called (`reference`, `tags`) may differ, and the
    first call's holds: settings may change between the two, and a code that is asked for again
    must not fail for it.
    """
    request = checked.request
    viber = asdict(checked.viber) if checked.viber else None
    due_at_ms = to_ms(checked.due_at) if checked.due_at else None
    content = [request.alphaname_id, request.text, *request.recipients, viber, due_at_ms]
    return digest(json.dumps(content)) if checked.key else ""


def shared_fields(on_unknown: OnUnknown, settings: Settings) -> dict[str, str]:
    """Fields that a job of any kind has from its caller and the settings."""
    fields = {"on_unknown": str(on_unknown)}
    return fields | ({"keep_texts": "1"} if settings.keep_texts else {})


def name_fields(names: OwnNames) -> dict[str, str]:
    """Fields that a job or a campaign has from its caller's own names; none for none."""
    packed = names.pack()
    return {"names": packed} if packed else {}


def repeatable(checked: CheckedQuick) -> Idempotency:
    """Say what lets a message's call be repeated.

    The key itself is not stored: callers put order numbers and worse into it.
    """
    if checked.key is None:
        return Idempotency()
    return Idempotency(
        key=digest_key(checked.key), content=content_of(checked), is_again=checked.is_again
    )


def digest_key(key: str) -> str:
    """Shorten an idempotency key."""
    short = digest(key)
    if detour.current is not None:
        detour.current.note_key(short, key)
    return short


def digest(text: str) -> str:
    """Shorten a text so that equal ones can be recognised."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_CHARS]


def in_ms(seconds: float) -> int:
    """Write a duration as the ledger does; none is 0."""
    return max(1, round(seconds * 1000))


def to_ms(moment: datetime) -> int:
    """Write a time as the ledger does."""
    return round(moment.timestamp() * 1000)
