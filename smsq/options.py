"""Options of the calls that send: what each means, its range and its unit.

They are keyword arguments of `SmsQueue`'s methods, and attributes of `QuickMessage`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict


class SendOptions(TypedDict, total=False):
    """What every call that sends takes.

    Attributes:
        key: Makes the call repeatable: with the same key and content it stores nothing again, and
            returns the earlier id. 1 to 200 characters.
        again: True sends again what ended unsent for certain under this key: cancelled, expired,
            rejected, dead, withheld. Without it the earlier id comes back.
        on_unknown: What to do when a request may have been accepted: `hold` waits for proof,
            `resend` sends again at the risk of a second SMS. None means `SMSQ_ON_UNKNOWN`.
    """

    key: str | None
    again: bool
    on_unknown: str | None


class PersonalOptions(SendOptions, total=False):
    """What `SmsQueue.send_personal` takes beside phone and text.

    Attributes:
        alphaname_id: Sender; None means `SMSQ_ALPHANAME_ID`.
        priority: `urgent`, `normal` or `bulk`; a gathered send is `normal` or `bulk`.
        expires_in_s: Not sent later than this; a gathered send's is more than SMSQ_GATHER_S.
    """

    alphaname_id: str | None
    priority: str
    expires_in_s: float | None


class QuickOptions(PersonalOptions, total=False):
    """What `SmsQueue.send_quick` takes beside phone and text.

    Attributes:
        send_at: When to send; aware, or naive in the gateway's zone. None: now.
        viber_name_id: Viber sender that a text is forwarded to when it is not delivered.
        viber_after_min: Minutes until then, 5 to 60.
        gather: True sends as `send_personal` does.
    """

    send_at: datetime | None
    viber_name_id: int | None
    viber_after_min: int | None
    gather: bool


class BulkOptions(SendOptions):
    """What `SmsQueue.send_bulk` and `draft_campaign` take beside the messages, all by name.

    A campaign that was interrupted goes on where it stopped when it is called again with its `key`.

    Attributes:
        canary: So many recipients go first; the rest follows when their reports are good.
        max_failed: Share of failed recipients, 0.1 for a tenth. A canary stays below, and the
            campaign stops itself above. None: 0.1 with a canary, else no bound.
    """

    canary: int | None
    max_failed: float | None
