"""Names that producers and workers must agree on: tasks, queues, priorities.

In:  nothing. Out: constants. A queue's place in `QUEUES` is its urgency, most urgent first.
"""

from __future__ import annotations

from enum import StrEnum


class Queue(StrEnum):
    """Broker queues, most urgent first. The first three are also the priorities of a call."""

    URGENT = "urgent"
    NORMAL = "normal"
    BULK = "bulk"
    POLL = "poll"


class Task(StrEnum):
    """Celery task names."""

    SEND_QUICK = "smsq.send_quick"
    SEND_BULK = "smsq.send_bulk"
    POLL_DELIVERIES = "smsq.poll_deliveries"
    POLL_MESSAGE = "smsq.poll_message"
    RECOVER = "smsq.recover"


#: Of `SMSQ_REDIS_URL` and `SMSQ_NAMESPACE` where they are not set.
DEFAULT_REDIS_URL, DEFAULT_NAMESPACE = "redis://127.0.0.1:6379/0", "smsq"


class Durability(StrEnum):
    """How far a write has to come before it is relied on."""

    NONE = "0"
    DISK = "1"
    REPLICA = "replica"


class LogForm(StrEnum):
    """What a line of a process' log is."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on a process logs."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Start(StrEnum):
    """Where a reader of events begins that is new: with those to come, or with the oldest kept."""

    NOW = "now"
    OLDEST = "oldest"


QUEUES: tuple[Queue, ...] = tuple(Queue)

#: What a caller may write as `priority`.
PRIORITIES: tuple[Queue, ...] = (Queue.URGENT, Queue.NORMAL, Queue.BULK)

#: Most job ids in one ring. One task per job cannot pass 870/s on a node; a ring of 100 can.
RING_MAX_JOBS = 100

#: Rings that a campaign's jobs are spread over, where it has as many: so many threads wake up.
RING_SPREAD = 16
