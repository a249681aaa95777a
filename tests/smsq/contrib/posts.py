"""A post of `smsq web` to an app's webhook."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import smsq
from smsq.events.signatures import sign_headers
from smsq.events.wire import dump_event

NEW, OLD = "the new secret of 16", "the old secret of 16"


def make_event(job_id: str = "j1") -> smsq.RecipientEvent:
    return smsq.RecipientEvent(
        id="1-0:0",
        at=datetime(2026, 11, 24, tzinfo=UTC),
        job_id=job_id,
        campaign_id=None,
        message_number=1,
        message_id=None,
        phone="+375*******67",
        old_state=smsq.RecipientState.PENDING,
        new_state=smsq.RecipientState.DELIVERED,
        gateway_status=None,
    )


def sign(
    event: smsq.Event, secret: str = NEW, *, age_s: float = 0
) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers of a post with one event."""
    body = json.dumps({"id": "1-0", "events": [dump_event(event)]}, default=str).encode()
    return body, sign_headers(body, "1-0", str(int(time.time() - age_s)), [secret])
