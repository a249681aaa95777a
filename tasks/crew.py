"""Crew: the engine's threads, of which the one that was free last goes first.

In:  turns to be given. Out: the same work, run in a free thread or a new one.

So the few threads that a slow rate needs keep their connections warm, and the others end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

#: A thread that was free for so long ends.
FREE_S = 5.0


class Crew:
    """Threads that all run one function, which calls `rest` between two turns.

    Args:
        lock: Of the engine. All methods but `rest` are called with it.
        work: Run by each thread, from its first turn on.
    """

    def __init__(self, lock: threading.Lock, work: Callable[[], None]) -> None:
        self._lock = lock
        self._work = work
        self._free: list[threading.Event] = []
        self._threads: set[threading.Thread] = set()

    @property
    def threads(self) -> Sequence[threading.Thread]:
        """Those that have not ended."""
        return tuple(self._threads)

    def send(self) -> bool:
        """Give a thread the turn; False when there is none and none can be started."""
        if self._free:
            self._free.pop().set()
            return True
        thread = threading.Thread(target=self._work, name="engine")
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            return False
        return True

    def send_home(self) -> None:
        """Wake all that are free, to find that the engine has ended."""
        while self._free:
            self._free.pop().set()

    def leave(self) -> None:
        """Note that the thread that calls ends."""
        self._threads.discard(threading.current_thread())

    def stand_by(self) -> threading.Event:
        """Note that the thread that calls is free, and goes on to `rest`."""
        given = threading.Event()
        self._free.append(given)
        return given

    def rest(self, given: threading.Event) -> bool:
        """Wait for a turn; False ends the thread, which was free for too long."""
        if given.wait(FREE_S):
            return True
        with self._lock:
            if given not in self._free:
                return True
            self._free.remove(given)
            return False
