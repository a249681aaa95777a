"""Events for Flower, none lost: Celery's buffer of them is not made for a pool of threads.

In:  events from the worker's threads. Out: the same events, in batches, to the broker.
"""

from __future__ import annotations

from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher

_Dispatcher: Any = EventDispatcher
_Events: Any = Events


class Dispatcher(_Dispatcher):  # type: ignore[misc]
    """Takes just those events out of the buffer that it has sent.

    Celery 5.6 sends the buffer and then empties it. What a thread adds in between is gone, and in
    Flower a task that took a few milliseconds stays "received" for ever.
    """

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
