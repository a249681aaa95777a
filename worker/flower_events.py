"""Events for Flower: one for each attempt of a job, none lost.

In:  verdicts on attempts, from the engine's threads. Out: events of tasks, in batches, for all
who listen at the broker.

Celery's own events tell of rings: one may wake the engine for many jobs, or for another worker's.
So the send tasks have none, and a job's row ends as its request did, whoever was rung for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher

from smsq.domain.outcomes import Verdict
from smsq.measures.exchange import Exchange
from smsq.models import JobState, Kind
from smsq.names import Task
from smsq.records.jobs import Claim

#: Events that may wait for the worker's main loop. A thread that sends messages and finds as many
#: waiting would have to send them, and make its next request later.
MOST_BUFFERED = 1000

_NAMES: Mapping[Kind, Task] = MappingProxyType(
    {Kind.QUICK: Task.SEND_QUICK, Kind.BULK: Task.SEND_BULK}
)

#: Kinds of event; all other states are tried again.
_TYPES: Mapping[JobState, str] = MappingProxyType(
    {
        JobState.ACCEPTED: "task-succeeded",
        JobState.REJECTED: "task-failed",
        JobState.UNKNOWN: "task-failed",
        JobState.DEAD: "task-failed",
        JobState.EXPIRED: "task-failed",
        JobState.CANCELLED: "task-failed",
    }
)

_Dispatcher: Any = EventDispatcher
_Events: Any = Events


class Dispatcher(_Dispatcher):  # type: ignore[misc]
    """Takes just those events out of the buffer that it has sent.

    Celery 5.6 sends the buffer and then empties it. What a thread adds in between is gone, and in
    Flower a task that took a few milliseconds stays "received" for ever.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer_limit = MOST_BUFFERED

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Send what is buffered."""
        super().flush(errors=errors, groups=False)
        if not groups:
            return
        with self.mutex:
            for group, events in list(self._group_buffer.items()):
                sent = list(events)
                if sent:
                    self._publish(sent, self.producer, f"{group}.multi")
                    del events[: len(sent)]


class ThreadEvents(_Events):  # type: ignore[misc]
    """Celery's factory of events, with our dispatcher."""

    dispatcher_cls = Dispatcher


def describe(claim: Claim, verdict: Verdict, exchange: Exchange) -> tuple[str, dict[str, Any]]:
    """Say what an attempt came to as Celery tells of tasks: the kind of event, and its fields.

    A row has ids and classes of reasons: no phone, no text, no word of the gateway's. A field that
    does not apply is None: it takes the place of an earlier attempt's.
    """
    kind = _TYPES.get(verdict.state, "task-retried")
    took_s = (exchange.took_ms or 0.0) / 1000
    began_at = time.time() - took_s
    words: list[str] = [verdict.state]
    if kind == "task-succeeded":
        words.append(f"parts={exchange.parts}")
    elif reason := exchange.reason or verdict.error_class:
        words.append(reason)
    if exchange.took_ms is not None:
        words.append(f"{exchange.took_ms:.0f}ms")
    said = " ".join(words)
    name = _NAMES[claim.kind].value
    return kind, {
        "uuid": claim.job_id,
        # So that codes can be told from the rest: Flower filters by name.
        "name": f"{name}.{claim.priority}" if claim.priority else name,
        "args": repr((claim.job_id,)),
        "kwargs": repr({"campaign": claim.campaign_id} if claim.campaign_id else {}),
        "retries": max(claim.attempts - 1, 0),
        "received": began_at,
        "started": began_at,
        "runtime": took_s,
        "result": said if kind == "task-succeeded" else None,
        "exception": None if kind == "task-succeeded" else said,
        "traceback": None,
    }


class JobEvents:
    """Tells Flower of attempts. Thread-safe; it only puts events into the buffer.

    Args:
        worker: Celery's; its dispatcher is another one after each reconnect.
    """

    def __init__(self, worker: Any) -> None:
        self._worker = worker

    def __call__(self, claim: Claim, verdict: Verdict, exchange: Exchange) -> None:
        """Tell of one attempt that was settled."""
        consumer = getattr(self._worker, "consumer", None)
        dispatcher = getattr(consumer, "event_dispatcher", None)
        if dispatcher is not None and dispatcher.enabled:
            kind, fields = describe(claim, verdict, exchange)
            dispatcher.send(kind, **fields)
