"""Options of the calls that send: what each means, its range and its unit.

They are keyword arguments of `SmsQueue`'s methods, and attributes of `QuickMessage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypedDict, get_args
from uuid import UUID


class PhoneNumber(Protocol):
    """A phone as django-phonenumber-field has it."""

    @property
    def as_e164(self) -> str:
        """With plus and country code, digits only."""
        ...


class LazyText(Protocol):
    """A translation that is a string when it is asked, as of Django's `gettext_lazy`."""

    def casefold(self) -> str:
        """As a string does it."""
        ...


#: A phone in any usual spelling.
Phone = str | PhoneNumber
#: A text, or one that is translated when it is sent.
Text = str | LazyText
#: An idempotency key: of your own, or a row's.
Key = str | int | UUID
#: A caller's own name of a send: a string, or a row's number or UUID.
Reference = str | int | UUID
#: What is sent first.
Priority = Literal["urgent", "normal", "bulk"]
#: What becomes of a request that may have been accepted.
OnUnknownChoice = Literal["hold", "resend"]
#: What becomes of a row, or a message, that cannot be sent.
OnInvalid = Literal["refuse", "skip"]
#: What becomes of a phone's second row.
OnDuplicate = Literal["refuse", "first"]

ON_INVALID: Sequence[str] = get_args(OnInvalid)
ON_DUPLICATE: Sequence[str] = get_args(OnDuplicate)


#: What is meant by an option that a call does not write; by None where it is not among them.
DEFAULTS: Mapping[str, object] = {
    "again": False,
    "gather": False,
    "priority": "normal",
    "tags": (),
    "on_invalid": "refuse",
    "on_duplicate": "refuse",
}


class NameOptions(TypedDict, total=False):
    """What you call a send or a campaign.

    Attributes:
        reference: Your own name of it, such as an order's number: 1 to 64 characters on one line,
            not unique. `find`, statuses and events have it. No content: a call repeated with
            another one returns the earlier id, which keeps its own.
        tags: At most 5 of 1 to 32 characters without comma and semicolon; `jobs` filters by one.
    """

    reference: Reference | None
    tags: Sequence[str]


class SendOptions(NameOptions, total=False):
    """What every call that sends takes.

    Attributes:
        key: Makes the call repeatable: with the same key and content it stores nothing again, and
            returns the earlier id. A string of your own, or a row's number or UUID.
        again: True sends again what ended unsent for certain under this key: cancelled, expired,
            rejected, dead, withheld. Without it the earlier id comes back.
        on_unknown: What to do when a request may have been accepted: `hold` waits for proof,
            `resend` sends again at the risk of a second SMS. None means `SMSQ_ON_UNKNOWN`.
    """

    key: Key | None
    again: bool
    on_unknown: OnUnknownChoice | None


class PersonalOptions(SendOptions, total=False):
    """What `SmsQueue.send_personal` takes beside phone and text.

    Attributes:
        alphaname_id: Sender; None means `SMSQ_ALPHANAME_ID`.
        priority: `urgent`, `normal` or `bulk`; a gathered send is `normal` or `bulk`.
        expires_in_s: Not sent later than this: seconds or a timedelta, at most a year; a gathered
            send's is more than SMSQ_GATHER_S.
    """

    alphaname_id: str | None
    priority: Priority
    expires_in_s: float | timedelta | None


class QuickOptions(PersonalOptions, total=False):
    """What `SmsQueue.send_quick` takes beside phone and text.

    Attributes:
        send_at: When to send; aware: `datetime.now(UTC) + timedelta(hours=4)`. None: now.
        viber_name_id: Viber sender that a text is forwarded to when it is not delivered.
        viber_after_min: Minutes until then, 5 to 60.
        gather: True sends as `send_personal` does.
    """

    send_at: datetime | None
    viber_name_id: int | None
    viber_after_min: int | None
    gather: bool


class DraftOptions(SendOptions, total=False):
    """What a campaign takes beside its messages.

    A campaign that was interrupted goes on where it stopped when it is called again with its `key`.

    Attributes:
        canary: So many recipients go first; the rest follows when their reports are good.
        max_failed: Share of failed recipients, 0.1 for a tenth. A canary stays below, and the
            campaign stops itself above. None: 0.1 with a canary, else no bound.
    """

    canary: int | None
    max_failed: float | None


class BulkOptions(DraftOptions, total=False):
    """What `SmsQueue.send_bulk` takes beside the messages, all by name.

    Attributes:
        on_invalid: `skip` leaves out recipients whose phone or own text is wrong, and says which;
            `refuse`, the default, sends nothing then.
        on_duplicate: `first` keeps a phone's first good row of a message and leaves out the others;
            `refuse`, the default, sends nothing then.
    """

    on_invalid: OnInvalid
    on_duplicate: OnDuplicate


class JobOptions(TypedDict, total=False):
    """What `SmsQueue.jobs` takes.

    Attributes:
        state: A `JobState`; None for any.
        tag: One of those that the sends have; None for any.
        since: Enqueued then or later; aware. None: all.
    """

    state: str | None
    tag: str | None
    since: datetime | None


class FindOptions(TypedDict, total=False):
    """What `SmsQueue.find` takes: a reference or a phone, and how much of it.

    Attributes:
        reference: As it was given to the call that sent, or to a recipient of a campaign.
        phone: In any usual spelling; `ConfigError` while `SMSQ_FIND_BY_PHONE` is 0.
        since: Enqueued then or later; aware. None: all.
        limit: At most so many, 1 or more; 100 unless told.
    """

    reference: Reference | None
    phone: Phone | None
    since: datetime | None
    limit: int
