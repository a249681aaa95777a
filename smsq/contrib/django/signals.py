"""Signals for what becomes of messages.

In:  events, and calls that came to nothing. Out: Django's signals. The sender of the first three is
the event's class, and they carry `event`; it comes at least once, again with the same `event.id`.
"""

from __future__ import annotations

from django.dispatch import Signal

#: A job changed its state; `event` is a `smsq.JobEvent`.
job_changed = Signal()

#: A recipient changed its state; `event` is a `smsq.RecipientEvent`.
recipient_changed = Signal()

#: A campaign changed; `event` is a `smsq.CampaignEvent`.
campaign_changed = Signal()

#: A `*_on_commit` call failed after the commit; `error` says why, `key` is what it was given. The
#: sender is `DjangoQueue`.
not_queued = Signal()
