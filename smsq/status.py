"""What a caller gets back: the status of a job or a campaign. Pure.

In:  what the ledger holds. Out: frozen dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from smsq.models import FINAL_JOB_STATES, JobState, Kind, RecipientState


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What became of one phone.

    Attributes:
        gateway_status: The gateway's word, None before the first report; for `withheld` the rule:
            `opted out`, `frequency cap`.
        sent_at: When the gateway sent it, UTC; None until it said so.
    """

    phone: str = field(repr=False)
    state: RecipientState
    gateway_status: str | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What became of one message.

    Attributes:
        message_id: The gateway's id; None until it is known.
        recipients: How many phones it has.
        counts: Recipients per state; states nobody is in are left out.
    """

    name: str
    message_id: int | None
    recipients: int
    counts: Mapping[RecipientState, int]


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a job or a campaign.

    Attributes:
        attempts: Requests made; for a campaign, over all its jobs. A 429 is not counted.
        error: Why it stands where it stands; None when nothing went wrong.
        counts: Recipients per state over all messages; states nobody is in are left out.
    """

    id: str
    kind: Kind
    state: JobState
    attempts: int
    error: str | None
    counts: Mapping[RecipientState, int]
    messages: Sequence[MessageStatus]

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen by itself."""
        return self.state in FINAL_JOB_STATES
