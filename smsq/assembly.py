"""Makes jobs of checked messages: ids, fields, and the digests that make a call repeatable. Pure.

In:  checked messages and settings. Out: `NewJob` and `Idempotency`, ready for the ledger.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, replace
from datetime import datetime

from smsq.intake import CheckedQuick
from smsq.jobs import Idempotency, NewJob
from smsq.models import Kind, OnUnknown
from smsq.settings import Settings

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
    if checked.expires_at:
        fields["expires_at_ms"] = str(_to_ms(checked.expires_at))
    job = NewJob(
        id=new_job_id(),
        kind=Kind.QUICK,
        priority=checked.priority,
        fields=fields,
        messages=[checked.request],
        due_at_ms=_to_ms(checked.due_at) if checked.due_at else None,
    )
    # What a repeated call must have in common with the first; how urgent it is may differ.
    request = checked.request
    viber = asdict(checked.viber) if checked.viber else None
    content = [request.alphaname_id, request.text, *request.recipients, viber, job.due_at_ms]
    once = make_repeatable(checked.key, settings, due_in_s=checked.due_in_s)
    return job, replace(once, content=digest(json.dumps(content)) if once.key else "")


def shared_fields(on_unknown: OnUnknown, settings: Settings) -> dict[str, str]:
    """Fields that a job of any kind has from its caller and the settings."""
    fields = {"on_unknown": str(on_unknown)}
    return fields | ({"keep_texts": "1"} if settings.keep_texts else {})


def make_repeatable(key: str | None, settings: Settings, *, due_in_s: float = 0) -> Idempotency:
    """Keep a key for as long as the job it stands for is in the ledger; its content comes later.

    The key itself is not stored: callers put order numbers and worse into it.
    """
    if key is None:
        return Idempotency()
    return Idempotency(key=digest(key), ttl_ms=key_ttl_ms(settings, due_in_s=due_in_s))


def key_ttl_ms(settings: Settings, *, due_in_s: float = 0) -> int:
    """Say how long a key is kept whose job begins to be sent in so many seconds."""
    return round((due_in_s + settings.retention_s + settings.poll_horizon_s) * 1000)


def digest(text: str) -> str:
    """Shorten a text so that equal ones can be recognised."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_CHARS]


def _to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
