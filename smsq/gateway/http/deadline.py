"""The deadline of a whole request, and certainty about what was written.

In:  one request of a thread, and a socket. Out: a socket that keeps the deadline and notes its
first byte.

A socket's time-out is for one `recv`, which a gateway that drips a byte a second outlasts, and
the exceptions of HTTP clients do not say whether the request went out. So every operation gets
what is left of the deadline, and the first write is noted.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import Any

_LEAST_S = 0.001


class Exchange(threading.local):
    """What the current thread's request may still take, and whether any of it was written."""

    until_s = 0.0
    has_written = False

    def left_s(self) -> float:
        """Seconds to the deadline; raises TimeoutError when it has passed."""
        left_s = self.until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("deadline passed")
        return max(left_s, _LEAST_S)


#: Of the current thread.
current = Exchange()


@contextmanager
def exchange(timeout_s: float) -> Iterator[Exchange]:
    """Begin one request of this thread."""
    current.until_s = time.monotonic() + timeout_s
    current.has_written = False
    yield current


def forget_exchange() -> None:
    """Begin anew: nothing of this thread's next request was written yet."""
    current.has_written = False


def has_written() -> bool:
    """Say whether any of this thread's request was written."""
    return current.has_written


class DeadlineSocket:
    """A socket whose every operation is bounded by the thread's deadline."""

    def __init__(self, wrapped: socket.socket) -> None:
        self._wrapped = wrapped
        self._unread = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Write; the time-out of `sendall` is for all of it."""
        self._wrapped.settimeout(current.left_s())
        current.has_written = True
        self._wrapped.sendall(data, flags)

    def recv(self, size: int) -> bytes:
        """Read what is there, within what is left."""
        self._wrapped.settimeout(current.left_s())
        return self._wrapped.recv(size)

    def unread(self, data: bytes) -> None:
        """Have the next reader begin with what was read already."""
        self._unread = data

    def recv_into(self, buffer: Any) -> int:
        """Read what is there, within what is left."""
        if self._unread:
            ahead, self._unread = self._unread[: len(buffer)], self._unread[len(buffer) :]
            buffer[: len(ahead)] = ahead
            return len(ahead)
        self._wrapped.settimeout(current.left_s())
        return self._wrapped.recv_into(buffer)

    def makefile(self, mode: str = "rb", *_: object, **__: object) -> BufferedReader:
        """Make the reader that http.client takes answers from."""
        if mode != "rb":
            raise ValueError(mode)
        return BufferedReader(_Reader(self, self._wrapped.makefile("rb", buffering=0)))


class _Reader(RawIOBase):
    """Reads through a `DeadlineSocket`; holds the socket open as its own file would."""

    def __init__(self, reads: DeadlineSocket, holds: Any) -> None:
        self._reads = reads
        self._holds = holds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._reads.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._holds.close()
        super().close()
