"""What a test sees of one message that was enqueued.

In:  what the ledger holds of it. Out: a frozen record, and what became of it so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from smsq.models import FINAL_RECIPIENT_STATES, JobState, RecipientState
from smsq.names import Queue


class Stage(Protocol):
    """Where a message is played on."""

    def drive(self, message: QueuedSms, state: str) -> None:
        """Take it to a state, as workers would."""

    def find_states(self, message: QueuedSms) -> tuple[JobState, RecipientState]:
        """Find where its job and its recipient are now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedSms:
    """One text for one phone, as it was enqueued.

    Attributes:
        id: What the call that enqueued it returned: a job's id, a gathered send's own, a
            campaign's.
        phone: In the gateway's form, 375XXXXXXXXX.
        sender: The sender's id, from the call or from SMSQ_ALPHANAME_ID.
        key: The idempotency key of the call; None for none.
        reference: The caller's own name of it, in a campaign of this row; None for none.
        tags: The caller's; those of a campaign are each row's.
        send_at: UTC; None for at once.
        expires_at: UTC; None for never.
        job_id: Of the job that it goes out with.
        message_number: Of its message in that job, from 1.
        namespace: Of its queue.
    """

    id: str
    phone: str
    text: str
    sender: str
    priority: Queue
    key: str | None
    reference: str | None = None
    tags: tuple[str, ...] = ()
    send_at: datetime | None
    expires_at: datetime | None
    job_id: str
    message_number: int = field(default=1, repr=False)
    namespace: str = field(default="smsq", repr=False)
    stage: Stage = field(repr=False, compare=False)

    def becomes(self, state: str) -> None:
        """Take it to a state by the scripts that workers run, so that its events come, too.

        Args:
            state: `accepted`, `sent`, `delivered`, `undelivered`; `rejected`, `unknown`, `dead`,
                `expired`, `cancelled`. What comes before it happens, too. All but a report
                concern the whole job: the rows of a campaign that share a request.

        Raises:
            ValueError: It is no such state, or cannot be reached from where it is.
        """
        self.stage.drive(self, state)

    @property
    def state(self) -> JobState:
        """Where its job is now; of a gathered send, where it is itself."""
        return self.stage.find_states(self)[0]

    @property
    def delivered(self) -> bool | None:
        """Whether it arrived; None while nobody knows."""
        _, state = self.stage.find_states(self)
        return state is RecipientState.DELIVERED if state in FINAL_RECIPIENT_STATES else None
