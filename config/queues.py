"""The broker's queues as Celery objects.

In:  `smsq.names`. Out: kombu queues and the route of each task that beat rings.
"""

from __future__ import annotations

from kombu import Exchange
from kombu import Queue as KombuQueue

from smsq import names

#: One queue per urgency, never Celery's Redis priorities: those are inverted and need prefetching
#: switched off to mean anything.
QUEUES = tuple(
    KombuQueue(queue, Exchange(queue, type="direct"), routing_key=queue) for queue in names.QUEUES
)

#: Beat's ticks are short and must not stand behind a backlog.
TICK_QUEUE = names.Queue.URGENT
