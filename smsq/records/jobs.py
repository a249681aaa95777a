"""The ledger's nouns: a new job, a claim on it, a plan to poll it. Pure, but for tags.

In:  checked messages. Out: frozen dataclasses that `Ledger`, `Claims` and `Polls` take and return.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from smsq.models import Kind, MessageRequest, OnUnknown, QuickRequest, ViberForward
from smsq.names import Queue
from smsq.records.tags import new_tag
from smsq.settings import Settings

#: No receipt for so long after acceptance: it is not coming. As in delivery/accepted.lua.
UNMATCHED_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job as the producer hands it over, checked.

    Attributes:
        fields: More fields of the job's hash.
        messages: What goes to the gateway; a quick job has one.
        due_in_ms: From when the ledger takes it; None for now.
        has_phone: True to be found by its phone; only a quick job's is.
        limits: Of messages for its phone: `10/3600000` in so many milliseconds; "" for none.
    """

    id: str
    kind: Kind
    priority: Queue
    fields: Mapping[str, str] = field(repr=False)
    messages: Sequence[MessageRequest] = field(repr=False)
    due_in_ms: int | None = None
    has_phone: bool = False
    limits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSend:
    """One recipient to be gathered, checked.

    Attributes:
        job_id: Of the job, should this send open one.
        group: Digest of all that the sends of one job have in common.
        fields: Fields of the job's hash that they share.
        expires_in_ms: Of this send alone, from when the ledger takes it; None for never.
        most: Recipients in one job.
        open_ms: How long a job stays open.
        tag: Random letters at the end of its own id.
        names: Its caller's, packed.
        has_phone: True to be found by its phone.
        traceparent: Of the span that it comes from; "" for none.
    """

    job_id: str
    group: str
    fields: Mapping[str, str]
    alphaname_id: str
    priority: Queue
    phone: str = field(repr=False)
    text: str = field(repr=False)
    expires_in_ms: int | None
    most: int
    open_ms: int
    tag: str = field(default_factory=new_tag, repr=False)
    names: str = field(default="", repr=False)
    has_phone: bool = False
    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """What makes a call repeatable: digests of its key and of its content.

    Attributes:
        is_again: True for a call that sends again what ended unsent for certain under this key.
    """

    key: str = ""
    content: str = ""
    is_again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to make one attempt.

    Attributes:
        number: Fences the settle: only the newest claim may write. Never used twice.
        attempts: Attempts made, this one included.
        expires_in_s: Seconds from the claim on within which the request may begin; None for ever.
        messages: What goes to the gateway, as far as it is prepared.
        claimed_at_s: By the ledger's clock, seconds since 1970.
        starts_at_s: When the gateway is asked to begin, seconds since 1970; 0: at once.
        is_whole: False while slices are left to be prepared; then no request may begin.
        numbers: Of these messages in the job, from 1; the rules may have taken others out.
        campaign_id: "" for none.
        traceparent: Of the call that enqueued it; `traceparents` of those that were gathered in it.
    """

    job_id: str
    kind: Kind
    number: int
    attempts: int
    on_unknown: OnUnknown
    viber: ViberForward | None
    messages: Sequence[MessageRequest] = field(repr=False)
    expires_in_s: float | None = None
    claimed_at_s: float = 0
    starts_at_s: float = 0
    is_whole: bool = True
    numbers: Sequence[int] = ()
    priority: str = ""
    campaign_id: str = ""
    traceparent: str = ""
    traceparents: Sequence[str] = ()

    @property
    def quick_request(self) -> QuickRequest:
        """A quick job's one message as sendQuickSMS wants it."""
        message = self.messages[0]
        phone, text = next(iter(message.recipients.items()))
        return QuickRequest(
            phone=phone,
            text=text or message.text or "",
            alphaname_id=message.alphaname_id,
            viber=self.viber,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PollClaim:
    """The right to ask for one page of one message's reports.

    Attributes:
        ref: `<job id>:<n>`.
        number: Of the poll; fences its pages: only the newest poll may write.
        message_id: The gateway's id.
        offset: Row to go on with; above 0 when earlier pages are there.
        age_s: Seconds since acceptance.
        size: Recipients of the message.
        buckets: That hold them in the ledger.
        is_first: True for the first page of its poll, which is read alone.
    """

    ref: str
    number: int
    message_id: int
    offset: int
    age_s: float
    size: int
    buckets: int
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """How long claims are held, in milliseconds; both end by themselves."""

    send_ms: int
    poll_ms: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a claim, or its next slice, needs written down first; `RuleBook.answer` does it.

    Attributes:
        job_id: The job that is to be claimed.
        week: Whose calendars are missing, in weeks since 1970; None: the job's regions are.
        regions: Of these.
    """

    job_id: str
    week: int | None = None
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unprepared:
    """A claim that no request can be made of.

    Attributes:
        id: The job, or the message to poll as `<job id>:<n>`.
        number: Of the claim; None where it did not come about.
        why: Without anything of what is stored.
    """

    id: str
    number: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of sending as `claim.lua` knows them; opt-outs hold always.

    Attributes:
        calendar: Names quiet hours and home zone in the calendars; "" when no rule needs them.
        cap_per_day: Campaign messages per phone and local day; 0 for no cap.
        sandbox: `|<phone>|<phone>|`, the only phones to be sent to; "" for no sandbox.
    """

    calendar: str = ""
    cap_per_day: int = 0
    sandbox: str = field(default="", repr=False)


class NoClaim(StrEnum):
    """Why there is no claim, or no longer one."""

    NOTHING = "nothing"  #: somebody else took what waited
    VOID = "void"  #: the gate closed, or the rate changed, since the slot was reserved
    STALE = "stale"  #: it ended before it was prepared


@dataclass(frozen=True, slots=True)
class Due:
    """A job to be rung."""

    job_id: str
    kind: Kind
    priority: Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPlan:
    """When an accepted job is polled first, and when polling gives up (ms after acceptance)."""

    first_ms: int
    horizon_ms: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the plan from the settings."""
        return cls(
            first_ms=round(settings.poll_first_s * 1000),
            horizon_ms=round(settings.poll_horizon_s * 1000),
        )
