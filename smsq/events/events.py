"""News of what changed: the entries of the stream, unpacked. Pure.

In:  entries as `events/publish.lua` writes them. Out: `JobEvent`,
`RecipientEvent` and `CampaignEvent`, one per change.

No event holds a text or a whole phone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from typing import Any

from smsq.events.entry_names import EntryNames
from smsq.models import JobState, RecipientState
from smsq.status.status import BrakeState


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """A job changed its state.

    Attributes:
        id: The same whenever the event is read again.
        at: When, on Redis' clock, UTC.
        campaign_id: None for a job that belongs to none.
        old_state: None when the job is new.
        error: Why, where there is something to say, as of a rejected job: `Status.error` then.
        reference: The caller's own name of the send or its campaign; None for none.
        tags: Likewise.
    """

    id: str
    at: datetime
    job_id: str
    campaign_id: str | None
    old_state: JobState | None
    new_state: JobState
    error: str | None = None
    reference: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientEvent:
    """A recipient changed its state.

    Attributes:
        id: The same whenever the event is read again.
        at: When, on Redis' clock, UTC.
        campaign_id: None for a job that belongs to none.
        message_number: Which message of the job, counted from 1.
        message_id: The gateway's id; None when it is not known.
        phone: Masked, as in `+375*******67`.
        gateway_status: The gateway's word, None when it said none.
        own_id: Of the send, where the job was gathered; None otherwise.
        reference: The recipient's own, else that of its job or campaign; None for none.
        tags: Of its job or campaign.
    """

    id: str
    at: datetime
    job_id: str
    campaign_id: str | None
    message_number: int
    message_id: int | None
    phone: str
    old_state: RecipientState
    new_state: RecipientState
    gateway_status: str | None
    own_id: str | None = None
    reference: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)


class CampaignChange(StrEnum):
    """What a campaign's event is about."""

    BEGUN = "begun"  #: it is enqueued, and goes out
    HELD = "held"  #: something holds it up: `new_brake` says what
    RELEASED = "released"  #: it goes on
    FINISHED = "finished"  #: its last recipient is final; told once


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEvent:
    """A campaign has begun, was held up, goes on, was called off, or has finished.

    Attributes:
        id: The same whenever the event is read again.
        at: When, on Redis' clock, UTC.
        old_brake: None where nothing held it up.
        new_brake: None where it goes on.
        why: In words.
        what: Which of these; None from a webhook of an older smsq.
        reference: The caller's own name of it; None for none.
        tags: Likewise.
    """

    id: str
    at: datetime
    campaign_id: str
    old_brake: BrakeState | None
    new_brake: BrakeState | None
    why: str
    what: CampaignChange | None = None
    reference: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)


#: Whatever `queue.events` gives and `parse_webhook` returns.
Event = JobEvent | RecipientEvent | CampaignEvent


def read_entry(entry_id: str, fields: Mapping[str, str]) -> list[Event]:
    """Unpack one entry of the stream; its events are in the order in which they happened.

    Raises:
        ValueError: It is none of ours, or of a newer version.
    """
    try:
        at = datetime.fromtimestamp(int(fields["at_ms"]) / 1000, UTC)
        names, errors = EntryNames(fields), json.loads(fields.get("errors", "{}"))
        changes = [
            (kind, change | ({"error": errors[place]} if place in errors else {}))
            for place, item in zip(map(str, count()), json.loads(fields["news"]), strict=False)
            for kind, change in _read_item(names, int(place) + 1, item)
        ]
        return [kind(id=f"{entry_id}:{i}", at=at, **c) for i, (kind, c) in enumerate(changes)]
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        problem = type(error).__name__
    raise ValueError(f"entry {entry_id} cannot be read ({problem})")


_Change = tuple[type[Event], dict[str, Any]]


def _read_item(names: EntryNames, place: int, item: Sequence[Any]) -> Iterator[_Change]:
    what, some_id, *rest = item
    if what == "recipients":
        yield from _recipient_changes(names, place, some_id, *rest)
    else:
        for kind, change in _CHANGES[what](some_id, *rest):
            yield kind, change | names.of(some_id)


def _job_changes(job_id: str, campaign: str, old: str, new: str) -> Iterator[_Change]:
    yield (
        JobEvent,
        {
            "job_id": job_id,
            "campaign_id": campaign or None,
            "old_state": JobState(old) if old else None,
            "new_state": JobState(new),
        },
    )


def _recipient_changes(
    names: EntryNames,
    place: int,
    job_id: str,
    *rest: Any,
) -> Iterator[_Change]:
    campaign, n, message_id, groups = rest
    for group, (old, new, word, phones) in enumerate(groups, start=1):
        change = {
            "job_id": job_id,
            "campaign_id": campaign or None,
            "message_number": n,
            "message_id": int(message_id) if message_id else None,
            "old_state": RecipientState(old),
            "new_state": RecipientState(new),
            "gateway_status": word or None,
        }
        for name, how_many in phones.items():
            phone, _, ordinal = name.partition(".")
            own_id = f"{job_id}.{ordinal}" if ordinal else None
            named = change | names.of(own_id or job_id)
            for _ in range(how_many):
                own = names.take_own(place, group, phone)
                yield RecipientEvent, {**named, "phone": phone, "own_id": own_id, **own}


def _what_changed(old: str, new: str, why: str) -> CampaignChange:
    """Say what a campaign's item is about: only its beginning and its end have no brake."""
    if old or new:
        return CampaignChange.HELD if new else CampaignChange.RELEASED
    return CampaignChange(why)


def _campaign_changes(campaign: str, old: str, new: str, why: str) -> Iterator[_Change]:
    yield (
        CampaignEvent,
        {
            "campaign_id": campaign,
            "old_brake": BrakeState(old) if old else None,
            "new_brake": BrakeState(new) if new else None,
            "why": why,
            "what": _what_changed(old, new, why),
        },
    )


_CHANGES: Mapping[str, Callable[..., Iterator[_Change]]] = {
    "job": _job_changes,
    "campaign": _campaign_changes,
}
