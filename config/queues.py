"""The broker's queues as Celery objects.

In:  settings. Out: kombu queues and the route of each task that beat rings.
"""

from __future__ import annotations

from kombu import Queue as KombuQueue

from smsq import names
from smsq.rings.broker import make_queue, name_queue
from smsq.settings import Settings

#: Beat's ticks must not stand behind a backlog. Rings for polls are few: a tick makes ten at most,
#: whatever the number of messages.
TICK_QUEUE = names.Queue.POLL


def list_queues(settings: Settings) -> tuple[KombuQueue, ...]:
    """The queues that a worker takes rings from, most urgent first.

    One queue per urgency, never Celery's Redis priorities: those are inverted and need prefetching
    switched off to mean anything.
    """
    named = (name_queue(queue, settings.broker_url, settings.namespace) for queue in names.QUEUES)
    return tuple(make_queue(name) for name in named)
