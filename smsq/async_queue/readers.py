"""Readers for `async for`, over those that block.

In:  what begins a blocking reader. Out: its rows or its events, one by one.

A wait that is cancelled loses nothing: what its thread has read comes with the next one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

from smsq.async_queue.threads import Threads
from smsq.events.events import Event
from smsq.events.reader import EventReader
from smsq.frames import guarded
from smsq.status.failed import FailedReader

_R = TypeVar("_R")
Begun: TypeAlias = Iterable[_R]

#: Rows that a thread reads in one go.
_SLICE = 200

#: A wait for news is cut into these, so that it can be ended.
_LOOK_S = 0.5


@guarded
class AsyncRows(AsyncIterator[_R], Generic[_R]):
    """Gives out rows one by one; nothing is read before the first is asked for.

    Args:
        threads: Where it is read.
        begin: Begins to read; whatever it or its rows raise comes out of `async for`.
    """

    def __init__(self, threads: Threads, begin: Callable[[], Begun[_R]]) -> None:
        self._threads, self._begin = threads, begin
        self._lock = threading.Lock()
        self._source: Begun[_R] | None = None
        self._rest: Iterator[_R] = iter(())
        self._rows: deque[_R] = deque()
        self._failure: Exception | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _R:
        if not self._rows:
            await self._threads.run(self._read)
        if not self._rows:
            raise StopAsyncIteration
        return self._rows.popleft()

    def _open(self) -> Begun[_R]:
        if self._source is None:
            self._source = self._begin()
            self._rest = iter(self._source)
        return self._source

    def _read(self) -> None:
        """Read some rows; after a wait that was cancelled another thread may be at it."""
        with self._lock:
            if self._failure:
                raise self._failure
            if self._rows:
                return
            try:
                self._open()
                self._rows.extend(islice(self._rest, _SLICE))
            except Exception as error:
                self._failure = error
                raise


class AsyncFailedReader(AsyncRows[tuple[str, str | None]]):
    """Reads failed recipients, as `FailedReader` does; awaited, it also has its attributes.

    reader = await queue.failed(campaign)
    """

    _source: FailedReader | None

    def __await__(self) -> Generator[Any, None, Self]:
        return self._load().__await__()

    async def _load(self) -> Self:
        await self._threads.run(self._open_once)
        return self

    def _open_once(self) -> None:
        with self._lock:
            self._open()

    @property
    def has_texts(self) -> bool:
        """Whether rows come with their texts."""
        return self._opened.has_texts

    @property
    def are_texts_gone(self) -> bool:
        """Whether of some the text is forgotten: the gateway had it."""
        return self._opened.are_texts_gone

    @property
    def no_report(self) -> int:
        """How many recipients are without a report, read or not."""
        return self._opened.no_report

    @property
    def retryable(self) -> int:
        """How many recipients are left out, since their dead jobs can be retried."""
        return self._opened.retryable

    @property
    def _opened(self) -> FailedReader:
        if self._source is None:
            raise RuntimeError("write `reader = await queue.failed(...)` to read its attributes")
        return self._source


@guarded
class AsyncEventReader(AsyncIterator[Event]):
    """Gives out events one by one, as `EventReader` does, with a thread of its own.

    A new group begins with `async with`, or else when the first event is asked for.

    An event counts as handled when the next one is asked for, on `aclose`, and at the end of an
    `async with` block that no exception ended. For one task at a time.

    Args:
        begin: Makes the blocking reader; whatever it raises comes with the first event.
        block_s: Ends after so long without news; None never ends.
    """

    def __init__(self, begin: Callable[[], EventReader], block_s: float | None) -> None:
        self._begin, self._block_s = begin, block_s
        self._thread = Threads(1, "smsq-events")
        self._reader: EventReader | None = None
        self._pending: Future[Event | None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Acknowledge the event before, and wait for the next one.

        Raises:
            StopAsyncIteration: No news for `block_s`.
            QueueUnavailableError: Redis stayed away for a minute.
        """
        began_s = time.monotonic()
        while True:
            self._pending = self._pending or self._thread.begin(self._look)
            # Cancelled or timed out, the look goes on: what it finds is the next one's.
            looked = asyncio.wrap_future(self._pending)
            await asyncio.wait([looked])
            self._pending = None
            event = looked.result()
            if event is not None:
                return event
            if self._block_s is not None and time.monotonic() - began_s >= self._block_s:
                raise StopAsyncIteration

    def _look(self) -> Event | None:
        reader = self._open()
        most_s = _LOOK_S if self._block_s is None else min(_LOOK_S, self._block_s)
        return reader.poll(most_s)

    def _open(self) -> EventReader:
        self._reader = self._reader or self._begin()
        return self._reader

    async def __aenter__(self) -> Self:
        await self._thread.run(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self.aclose()
        else:
            self._end()

    async def aclose(self) -> None:
        """Acknowledge what was given out, and end the thread.

        Raises:
            QueueUnavailableError: Redis did not answer: the last event comes again.
        """
        reader, pending = self._reader, self._pending
        try:
            if reader and pending is None:
                await self._thread.run(reader.close)
        finally:
            self._end()

    def _end(self) -> None:
        if self._reader:
            self._reader.stop()
        self._thread.let_go()
