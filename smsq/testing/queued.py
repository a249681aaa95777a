"""What a test sees of one message that was enqueued.

In:  what the ledger holds of it. Out: a frozen record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from smsq.names import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedSms:
    """One text for one phone, as it was enqueued.

    Attributes:
        id: What the call that enqueued it returned: a job's id, a gathered send's own, a
            campaign's.
        phone: In the gateway's form, 375XXXXXXXXX.
        sender: The sender's id, from the call or from SMSQ_ALPHANAME_ID.
        key: The idempotency key of the call; None for none.
        send_at: UTC; None for at once.
        expires_at: UTC; None for never.
        job_id: Of the job that it goes out with.
    """

    id: str
    phone: str
    text: str
    sender: str
    priority: Queue
    key: str | None
    send_at: datetime | None
    expires_at: datetime | None
    job_id: str
