"""What a caller gets back: the status of a job or a campaign. Pure.

In:  what the ledger holds. Out: frozen dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from smsq.models import (
    FINAL_JOB_STATES,
    FINAL_RECIPIENT_STATES,
    JobState,
    Kind,
    RecipientState,
)

_LETTERS = {state.value[0]: state for state in RecipientState}


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


def read_recipient(phone: str, packed: str) -> RecipientStatus:
    """Read what the ledger holds of one phone."""
    if not packed:
        return RecipientStatus(phone, RecipientState.PENDING, None, None)
    letter, epoch_s, word = packed.split("|", 2)
    sent_at = datetime.fromtimestamp(int(epoch_s), UTC) if epoch_s else None
    return RecipientStatus(phone, _LETTERS[letter], word or None, sent_at)


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


class BrakeState(StrEnum):
    """What holds a campaign up."""

    PAUSED = "paused"  #: by somebody, until somebody resumes it
    CANARY = "canary"  #: the first recipients are sent, the rest waits for their reports
    STOPPED = "stopped"  #: by itself: too many recipients failed
    CANCELLED = "cancelled"  #: for good


@dataclass(frozen=True, slots=True)
class Brake:
    """What holds a campaign up, and why.

    Attributes:
        why: In words: who said so, or what failed.
        since: UTC.
    """

    state: BrakeState
    why: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a job or a campaign.

    Attributes:
        attempts: Requests made; for a campaign, over all its jobs. A 429 is not counted.
        error: Why it stands where it stands; None when nothing went wrong.
        counts: Recipients per state over all messages; states nobody is in are left out.
        brake: What holds a campaign up; None for nothing.
        unsent: Of the pending recipients of a campaign, those whose job ended without being sent,
            per state of their job.
    """

    id: str
    kind: Kind
    state: JobState
    attempts: int
    error: str | None
    counts: Mapping[RecipientState, int]
    messages: Sequence[MessageStatus]
    brake: Brake | None = None
    unsent: Mapping[JobState, int] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen by itself."""
        return self.state in FINAL_JOB_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign in numbers, without its jobs and messages.

    Attributes:
        name: Of its first message.
        state: Of its least advanced jobs, as in `Status`.
        created_at: UTC.
        jobs: How many are in each state; states without any are left out.
        counts: Recipients per state; states nobody is in are left out.
        brake: What holds it up; None for nothing.
        unsent: As in `Status`.
    """

    id: str
    name: str
    state: JobState
    created_at: datetime
    jobs: Mapping[JobState, int]
    counts: Mapping[RecipientState, int]
    brake: Brake | None
    unsent: Mapping[JobState, int]

    @property
    def kind(self) -> Kind:
        """What the id names."""
        return Kind.CAMPAIGN

    @property
    def recipients(self) -> int:
        """How many it has."""
        return sum(self.counts.values())

    @property
    def settled(self) -> int:
        """Recipients to whom nothing more will happen by itself."""
        final = sum(n for state, n in self.counts.items() if state in FINAL_RECIPIENT_STATES)
        return final + sum(self.unsent.values())

    @property
    def progress(self) -> float:
        """Share of the recipients that are settled, 0 to 1."""
        return self.settled / self.recipients if self.recipients else 1.0

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen by itself."""
        return self.state in FINAL_JOB_STATES
