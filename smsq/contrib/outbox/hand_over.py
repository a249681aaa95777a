"""Hands messages to smsq and says what became of each.

In:  messages by the ids of their rows. Out: what became of each, and why others have no outcome.

Every message has its row's id as key: to hand one over twice is to be told the first one's job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from smsq.contrib.outbox.table import Failed, Stored
from smsq.errors import (
    InvalidMessageError,
    KeyConflictError,
    LimitedError,
    SmsqError,
    say_unforeseen,
)
from smsq.models import QuickMessage
from smsq.queue import SmsQueue


@dataclass(slots=True)
class HandedOver:
    """What became of some messages.

    Attributes:
        outcomes: Of those that smsq took or refused.
        odd: Of those that neither happened to: why.
        outage: Why the rest was not tried, or may be stored all the same; None for no reason.
    """

    outcomes: dict[UUID, Stored | Failed] = field(default_factory=dict)
    odd: dict[UUID, str] = field(default_factory=dict)
    outage: str | None = None


def hand_over(queue: SmsQueue, messages: Mapping[UUID, QuickMessage]) -> HandedOver:
    """Store messages in one round trip; where one of them is refused, each by itself."""
    handed = HandedOver()
    if messages and not _together(queue, messages, handed):
        for row_id, message in messages.items():
            if handed.outage is None:
                _alone(queue, row_id, message, handed)
    return handed


def _together(queue: SmsQueue, messages: Mapping[UUID, QuickMessage], handed: HandedOver) -> bool:
    stored: list[str | None]
    try:
        stored = [*queue.send_quick_many(messages.values())]
    except KeyConflictError as conflict:
        stored = [*conflict.stored]
    except (InvalidMessageError, LimitedError):
        return False
    except SmsqError as outage:
        handed.outage = str(outage)
        return True
    except Exception:  # noqa: BLE001 - one message must not keep the others back
        return False
    for row_id, job_id in zip(messages, stored, strict=True):
        # Only this row has this key: what it was stored with is itself, due at another time.
        handed.outcomes[row_id] = Stored(job_id or "")
    return True


def _alone(queue: SmsQueue, row_id: UUID, message: QuickMessage, handed: HandedOver) -> None:
    try:
        [job_id] = queue.send_quick_many([message])
    except KeyConflictError:
        handed.outcomes[row_id] = Stored("")
    except InvalidMessageError as refused:
        said = "\n".join(one.message for one in refused.mistakes)
        handed.outcomes[row_id] = Failed(str(refused.mistakes[0].code), said)
    except LimitedError as refused:
        handed.outcomes[row_id] = Failed("phone_limited", refused.reason)
    except SmsqError as outage:
        handed.outage = str(outage)
    except Exception as error:  # noqa: BLE001 - nothing is lost, whatever it is
        handed.odd[row_id] = say_unforeseen("not handed over", error)
    else:
        handed.outcomes[row_id] = Stored(job_id)
