"""The broker's queues as Celery objects.

In:  `smsq.names`. Out: kombu queues and the route of each task that beat rings.
"""

from __future__ import annotations

from kombu import Exchange
from kombu import Queue as KombuQueue

from smsq import names

#: One queue per urgency, never Celery's Redis priorities: those are inverted and need prefetching
#: switched off to mean anything.
#: The default exchange routes by queue name, without a binding that a flushed broker would lose.
QUEUES = tuple(KombuQueue(queue, Exchange(""), routing_key=queue) for queue in names.QUEUES)

#: Beat's ticks must not stand behind a backlog. Rings for polls are few: a tick makes ten at most,
#: whatever the number of messages.
TICK_QUEUE = names.Queue.POLL
