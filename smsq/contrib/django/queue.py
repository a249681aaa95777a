"""The queue of a Django process: made when it is first used, after the fork, and closed at exit.

In:  `settings.SMSQ`. Out: one `DjangoQueue` per process, as `get_queue()` and as `sms`.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import Any, cast

from smsq.contrib.django.conf import read_settings
from smsq.contrib.django.on_commit import DjangoQueue
from smsq.frames import guarded_function


class _Process:
    """What this process has."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin anew, in a forked process: the parent's queue and its connections stay as are."""
        self.lock = threading.Lock()
        self.queue: DjangoQueue | None = None


_process = _Process()
os.register_at_fork(after_in_child=_process.begin)


@guarded_function
def get_queue() -> DjangoQueue:
    """Return this process's queue; the first call makes it.

    Raises:
        ConfigError: `settings.SMSQ` or the environment is wrong; it has every mistake.
    """
    if _process.queue is None:
        with _process.lock:
            if _process.queue is None:
                _process.queue = DjangoQueue(settings=read_settings())
    return _process.queue


def close_queue() -> None:
    """Give this process's connections back; the next use makes another queue."""
    with _process.lock:
        queue, _process.queue = _process.queue, None
    if queue is not None:
        queue.close()


atexit.register(close_queue)


class _Lazy:
    """Passes everything on to this process's queue."""

    def __getattr__(self, name: str) -> Any:
        return getattr(get_queue(), name)

    def __dir__(self) -> list[str]:
        return dir(DjangoQueue)

    def __repr__(self) -> str:
        return "<sms: the SmsQueue of settings.SMSQ>"


#: The queue, for an import at the top of a module: nothing is read or connected before it is used.
sms: DjangoQueue = cast("DjangoQueue", _Lazy())
