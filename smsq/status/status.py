"""What a caller gets back: the status of a job or a campaign. Pure.

In:  what the ledger holds. Out: frozen dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from smsq.models import (
    FINAL_JOB_STATES,
    FINAL_RECIPIENT_STATES,
    UNSENT_JOB_STATES,
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
            `opted out`, `frequency cap`, `sandbox`; where its job ended unsent, the job's state.
        sent_at: When the gateway sent it, UTC; None until it said so.
        reference: Its own, else that of its job or campaign; None for none.
    """

    phone: str = field(repr=False)
    state: RecipientState
    gateway_status: str | None
    sent_at: datetime | None
    reference: str | None = field(default=None, repr=False)

    @property
    def delivered(self) -> bool | None:
        """True or False where it is known; None while it is not, or where no report came."""
        return was_delivered({self.state: 1})


def was_delivered(counts: Mapping[RecipientState, int]) -> bool | None:
    """Say whether all were delivered to.

    False as soon as one certainly was not; None while some are open, or stay without a report.
    """
    if any(counts.get(state) for state in (RecipientState.UNDELIVERED, RecipientState.WITHHELD)):
        return False
    return True if {state for state, n in counts.items() if n} == _DELIVERED else None


_DELIVERED = {RecipientState.DELIVERED}


def end_unsent(
    counts: Mapping[RecipientState, int], unsent: int | None = None
) -> Mapping[RecipientState, int]:
    """Count pending recipients whose job ended unsent as undelivered; None: all of them."""
    pending = counts.get(RecipientState.PENDING, 0)
    ended = pending if unsent is None else min(unsent, pending)
    moved = {
        RecipientState.PENDING: pending - ended,
        RecipientState.UNDELIVERED: counts.get(RecipientState.UNDELIVERED, 0) + ended,
    }
    return {s: n for s in RecipientState if (n := moved.get(s, counts.get(s, 0)))}


def end_recipient(recipient: RecipientStatus, job_state: JobState) -> RecipientStatus:
    """A pending recipient of a job that ended unsent has ended with it, for the job's reason."""
    if recipient.state is not RecipientState.PENDING or job_state not in UNSENT_JOB_STATES:
        return recipient
    return replace(recipient, state=RecipientState.UNDELIVERED, gateway_status=str(job_state))


def read_recipient(phone: str, packed: str, reference: str | None = None) -> RecipientStatus:
    """Read what the ledger holds of one phone."""
    if not packed:
        return RecipientStatus(phone, RecipientState.PENDING, None, None, reference)
    letter, epoch_s, word = packed.split("|", 2)
    sent_at = datetime.fromtimestamp(int(epoch_s), UTC) if epoch_s else None
    return RecipientStatus(phone, _LETTERS[letter], word or None, sent_at, reference)


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
        unsent: Of the undelivered recipients of a campaign, those whose job ended without being
            sent, per state of their job.
        created_at: When it was enqueued, UTC.
        phone: In full, where it has one recipient; None for others.
        priority: `urgent`, `normal` or `bulk`; None for a campaign.
        send_at: When it is due, while it waits for that time, UTC; None for now.
        expires_at: After this it is not sent any more, UTC; None for never.
        reference: Your own name of it; None for none.
        tags: Your own.
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
    created_at: datetime | None = None
    phone: str | None = field(default=None, repr=False)
    priority: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    reference: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)

    @property
    def delivered(self) -> bool | None:
        """True when all recipients were delivered to, False when one certainly was not, else None.

        None is not known yet, or never (`no_report`). A late report may make False True.
        """
        return was_delivered(self.counts)

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
        reference: Your own name of it; None for none.
        tags: Your own.
    """

    id: str
    name: str
    state: JobState
    created_at: datetime
    jobs: Mapping[JobState, int]
    counts: Mapping[RecipientState, int]
    brake: Brake | None
    unsent: Mapping[JobState, int]
    reference: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)

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
        return sum(n for state, n in self.counts.items() if state in FINAL_RECIPIENT_STATES)

    @property
    def delivered(self) -> bool | None:
        """As of `Status`."""
        return was_delivered(self.counts)

    @property
    def progress(self) -> float:
        """Share of the recipients that are settled, 0 to 1."""
        return self.settled / self.recipients if self.recipients else 1.0

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen by itself."""
        return self.state in FINAL_JOB_STATES
