"""The nouns of smsq: states, outcomes, what a caller sends and what a caller gets back.

In:  plain values. Out: frozen dataclasses and enums; nothing here talks to Redis or the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from smsq.options import Key, OnUnknownChoice, Phone, Priority, Reference, Text


class Kind(StrEnum):
    """What an id names."""

    QUICK = "quick"
    BULK = "bulk"
    CAMPAIGN = "campaign"


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  #: ready to be sent
    WAITING = "waiting"  #: due later: backoff, schedule or pause
    SUBMITTING = "submitting"  #: claimed; a request may be on its way
    ACCEPTED = "accepted"  #: the gateway has it
    DONE = "done"  #: every recipient is final
    REJECTED = "rejected"  #: the gateway refused it for good
    UNKNOWN = "unknown"  #: it may have been accepted
    DEAD = "dead"  #: attempts used up
    CANCELLED = "cancelled"
    EXPIRED = "expired"  #: not sent in time


class RecipientState(StrEnum):
    """Where one phone of one message stands."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    NO_REPORT = "no_report"  #: the polling horizon passed without a final word; it may have arrived
    WITHHELD = "withheld"  #: a rule took it out before the request; the reason is its word


class Outcome(StrEnum):
    """What one gateway request came to, in a word; docs/gateway.md has the table of answers."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    MISCONFIGURED = "misconfigured"
    NO_MONEY = "no_money"
    BUSY = "busy"
    TEMPORARY = "temporary"
    NOT_SENT = "not_sent"
    UNPREPARED = "unprepared"
    UNKNOWN = "unknown"


class OnUnknown(StrEnum):
    """What to do with a job that may have been accepted."""

    HOLD = "hold"  #: wait for a receipt, a report or an operator
    RESEND = "resend"  #: send again, at the risk of a second SMS


class Settlement(StrEnum):
    """What an operator found out about an unknown job."""

    ACCEPTED = "accepted"  #: the gateway has it
    FAILED = "failed"  #: it does not, and it shall not be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickMessage:
    """One text for one phone, as a caller writes it; `QuickOptions` says what each means."""

    phone: Phone = field(repr=False)
    text: Text = field(repr=False)
    alphaname_id: str | None = None
    key: Key | None = None
    priority: Priority = "normal"
    send_at: datetime | None = None
    expires_in_s: float | timedelta | None = None
    viber_name_id: int | None = None
    viber_after_min: int | None = None
    on_unknown: OnUnknownChoice | None = None
    gather: bool = False
    again: bool = False
    reference: Reference | None = field(default=None, repr=False)
    tags: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkMessage:
    """One text for many phones.

    Attributes:
        name: What the gateway calls it in its receipts and pages.
        text: The text; at most 10 parts.
        phones: In any spelling of the default region; no phone twice. Read once. A pair of phone
            and reference gives this recipient one of its own.
        alphaname_id: Sender; None means the setting `SMSQ_ALPHANAME_ID`.
        schedule_time: When the gateway shall send, which keeps it until then; aware. None: now.
    """

    name: Text
    text: Text = field(repr=False)
    phones: Iterable[Phone | tuple[Phone, Reference | None]] = field(repr=False)
    alphaname_id: str | None = None
    schedule_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalMessage:
    """A text of its own for each phone.

    Attributes:
        name: What the gateway calls it in its receipts and pages.
        texts: Pairs of phone and text; no phone twice. Read once. A reference as a third gives this
            recipient one of its own.
        alphaname_id: Sender; None means the setting `SMSQ_ALPHANAME_ID`.
        schedule_time: When the gateway shall send, which keeps it until then; aware. None: now.
    """

    name: Text
    texts: Iterable[tuple[Phone, Text] | tuple[Phone, Text, Reference | None]] = field(repr=False)
    alphaname_id: str | None = None
    schedule_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViberForward:
    """Forward to Viber what the SMS did not deliver.

    Attributes:
        name_id: The gateway's id of the Viber name; 1 or more.
        after_min: Minutes to wait for the SMS; 5 to 60.
    """

    name_id: int
    after_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickRequest:
    """What sendQuickSMS is asked, checked and ready to go.

    Attributes:
        phone: 375XXXXXXXXX: digits with the country code, no plus.
    """

    phone: str = field(repr=False)
    text: str = field(repr=False)
    alphaname_id: str
    viber: ViberForward | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """One entry of `messages` in sendBulkSms, checked and ready to go.

    Attributes:
        text: The shared text; None when every recipient has its own.
        recipients: Phone → own text, or → None where `text` is shared.
        schedule_time: `YYYY-MM-DDTHH:mm:ss` in the gateway's zone, or None for now.
        starts_at_ms: The same moment in milliseconds since 1970; 0 for now.
        references: Phone → reference, of recipients that have one of their own.
    """

    name: str
    alphaname_id: str
    text: str | None = field(repr=False)
    recipients: Mapping[str, str | None] = field(repr=False)
    schedule_time: str | None = None
    starts_at_ms: int = 0
    references: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class QuickAccepted:
    """The gateway took a quick message.

    Attributes:
        sms_id: The id that getSmsDeliveryList takes as `message_id`.
        gateway_status: The gateway's word, `NEW` at first.
        parts: SMS parts the gateway will bill.
        status: HTTP status of the answer; None where nobody noted it.
    """

    sms_id: int
    gateway_status: str
    parts: int
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class BulkAccepted:
    """The gateway took a bulk request; its message ids come later, by receipt."""

    uuid: str
    status: int | None = field(default=None, compare=False)


class ReportRow(NamedTuple):
    """One row of getSmsDeliveryList; a tuple, for there are thousands of them.

    Attributes:
        gateway_status: The gateway's word, verbatim.
        d_sent: The gateway's local time as it wrote it, None when it gave none.
    """

    phone: str
    gateway_status: str
    d_sent: str | None

    def __repr__(self) -> str:
        """Without the phone."""
        return f"ReportRow(gateway_status={self.gateway_status!r}, d_sent={self.d_sent!r})"


@dataclass(frozen=True, slots=True)
class ReceiptEntry:
    """One message id found in a receipt, with the name that stood beside it (None: no name)."""

    message_id: int
    name: str | None


#: A job here changes no more, but for late news that improves a recipient.
FINAL_JOB_STATES = frozenset(
    {JobState.DONE, JobState.REJECTED, JobState.DEAD, JobState.CANCELLED, JobState.EXPIRED}
)

#: A job here was never sent for certain, and its pending recipients have ended with it.
UNSENT_JOB_STATES = FINAL_JOB_STATES - {JobState.DONE}

#: A recipient here is final.
FINAL_RECIPIENT_STATES = frozenset(RecipientState) - {RecipientState.PENDING, RecipientState.SENT}
