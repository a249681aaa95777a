"""Signals for what becomes of messages.

In:  events, from the stream or a webhook, and calls that came to nothing. Out: Django's signals.

The sender of the first three is the event's class, and they carry `event`. Each event comes at
least once, again with the same `event.id`.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import InterfaceError, OperationalError
from django.dispatch import Signal

from smsq.events.events import CampaignEvent, Event, JobEvent, RecipientEvent

#: A job changed its state; `event` is a `smsq.JobEvent`.
job_changed = Signal()

#: A recipient changed its state; `event` is a `smsq.RecipientEvent`.
recipient_changed = Signal()

#: A campaign changed; `event` is a `smsq.CampaignEvent`.
campaign_changed = Signal()

#: A `*_on_commit` call failed after the commit; `error` says why, `key` and `reference` are what it
#: was given. The sender is `DjangoQueue`.
not_queued = Signal()

_SIGNALS: Mapping[type[Event], Signal] = {
    JobEvent: job_changed,
    RecipientEvent: recipient_changed,
    CampaignEvent: campaign_changed,
}

#: The database is away, or had enough of a lock: nothing is wrong with the event.
_AWAY = (OperationalError, InterfaceError)


def dispatch(event: Event) -> Exception | None:
    """Send the signal of an event to all its receivers, whatever one of them raises.

    Returns:
        What a receiver raised, the database's absence before anything else; None: all took it.
    """
    answers = _SIGNALS[type(event)].send_robust(sender=type(event), event=event)
    raised = [answer for _, answer in answers if isinstance(answer, Exception)]
    return next((error for error in raised if is_away(error)), raised[0] if raised else None)


def is_away(error: Exception) -> bool:
    """Say whether the database did not answer, so that the same event may be taken later."""
    return isinstance(error, _AWAY)
