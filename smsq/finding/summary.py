"""What a search gives back: one line about each send. Pure.

In:  rows of `find.lua`, `find_bulk.lua` and `list_jobs.lua`. Out: `JobSummary`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smsq.domain.own_names import read_own_names
from smsq.models import JobState, Kind, RecipientState
from smsq.records.unpacking import to_dict
from smsq.status.campaigns import read_campaign
from smsq.status.gathered_sends import GatheredSend
from smsq.status.status import end_recipient, read_recipient
from smsq.status.timeline import from_ms
from smsq.text.phones import mask_phone


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """A send, a job or a campaign in one line; `status` tells more of its id.

    Attributes:
        id: Of the job, the gathered send or the campaign.
        created_at: When it was enqueued, UTC.
        error: Why it stands where it stands; None when nothing went wrong.
        campaign_id: None for a job that belongs to none.
        reference: The recipient's own, else the job's or campaign's; None for none.
        phone: Masked, as in `+375*******67`; None where there are several.
        recipient_state: Of that phone.
    """

    id: str
    kind: Kind
    state: JobState
    created_at: datetime
    error: str | None = None
    campaign_id: str | None = None
    reference: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)
    phone: str | None = None
    recipient_state: RecipientState | None = None


def read_job_row(row: Sequence[Any]) -> JobSummary:
    """Read the row of a job."""
    _, job_id, (kind, state, created_at_ms, packed, campaign, error, *_), phone, value, own = row
    names = read_own_names(packed)
    return JobSummary(
        id=job_id,
        kind=Kind(kind),
        state=JobState(state),
        created_at=from_ms(created_at_ms),
        error=error or None,
        campaign_id=campaign or None,
        reference=own or names.reference,
        tags=names.tags,
        phone=mask_phone(phone) if phone else None,
        recipient_state=_state_of(phone, value, state) if phone else None,
    )


def _state_of(phone: str, value: str, job_state: str) -> RecipientState:
    return end_recipient(read_recipient(phone, value), JobState(job_state)).state


def read_campaign_row(row: Sequence[Any]) -> JobSummary:
    """Read the row of a campaign."""
    _, campaign_id, flat = row
    fields: Mapping[str, str] = to_dict(flat)
    found = read_campaign(campaign_id, fields)
    return JobSummary(
        id=campaign_id,
        kind=Kind.CAMPAIGN,
        state=found.state,
        created_at=found.created_at,
        reference=found.reference,
        tags=found.tags,
    )


def summarize_send(send: GatheredSend) -> JobSummary:
    """Summarize one send of a gathered job."""
    status = send.status
    return JobSummary(
        id=status.id,
        kind=status.kind,
        state=status.state,
        created_at=from_ms(send.since_ms),
        error=status.error,
        reference=status.reference,
        tags=tuple(status.tags),
        phone=mask_phone(send.phone),
        recipient_state=send.recipient.state if send.recipient else None,
    )
