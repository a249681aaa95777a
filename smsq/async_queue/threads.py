"""Threads in which a queue's calls wait for Redis, while the event loop goes on.

In:  a call. Out: what it returns, awaited.

A call that was cancelled before its thread began is not made. One that was begun goes on: what it
stored is stored, and its id is written to the log.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from smsq.errors import QueueUnavailableError
from smsq.ledger.stored_id import StoredId
from smsq.rings.breaker import Breaker
from smsq.store.connection import NOT_ASKED

log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Threads that are at work already are not waited for any longer.
_MEET_S = 1.0


class Threads:
    """At most `most` threads of a process, made as they are needed.

    Args:
        most: Calls at once; the others wait for their turn.
        name: What the threads are called.
        breaker: Knows whether Redis answers. Who waits for a thread while it falls silent is told
            so at once, and does not begin a wait of their own.
    """

    def __init__(
        self, most: int, name: str, *, breaker: Callable[[], Breaker] | None = None
    ) -> None:
        self._most, self._name, self._breaker = most, name, breaker
        self._executors: dict[int, ThreadPoolExecutor] = {}

    async def run(self, call: Callable[[], _T]) -> _T:
        """Run a call in a thread, with the context of the caller's task."""
        begun = self.begin(call)
        try:
            return await asyncio.wrap_future(begun)
        except asyncio.CancelledError:
            if not begun.cancel():
                begun.add_done_callback(_tell_unheard)
            raise

    def begin(self, call: Callable[[], _T]) -> Future[_T]:
        """Begin a call in a thread, with the context of the caller's task."""
        if self._breaker:
            call = _unless_silent(call, self._breaker())
        return self._executor.submit(contextvars.copy_context().run, call)

    async def start(self) -> None:
        """Start all threads now: the loop waits for each, and later visitors would with it."""
        met = threading.Barrier(self._most)

        def meet() -> None:
            with suppress(threading.BrokenBarrierError):
                met.wait(_MEET_S)

        begun = []
        for _ in range(self._most):
            begun.append(asyncio.wrap_future(self._executor.submit(meet)))
            await asyncio.sleep(0)
        await asyncio.gather(*begun)

    async def close(self) -> None:
        """Wait for the calls that were begun; another call makes threads anew."""
        if executor := self._executors.pop(os.getpid(), None):  # a parent's are the parent's
            await asyncio.to_thread(executor.shutdown)

    def let_go(self) -> None:
        """Have the threads end when they are idle; nobody waits for them."""
        if executor := self._executors.pop(os.getpid(), None):
            executor.shutdown(wait=False)

    @property
    def _executor(self) -> ThreadPoolExecutor:
        """This process's: a forked one has none of its parent's threads."""
        pid = os.getpid()
        return self._executors.get(pid) or self._executors.setdefault(
            pid, ThreadPoolExecutor(self._most, thread_name_prefix=self._name)
        )


def _unless_silent(call: Callable[[], _T], breaker: Breaker) -> Callable[[], _T]:
    failures = breaker.failures

    def begin() -> _T:
        if breaker.has_failed_since(failures):
            raise QueueUnavailableError(NOT_ASKED)
        return call()

    return begin


def _tell_unheard(ended: Future[Any]) -> None:
    """Write down what became of a call that nobody waits for any more."""
    error = ended.exception()
    if isinstance(error, QueueUnavailableError) and error.may_be_stored:
        log.warning("a call was cancelled while it ran: what it sends may be stored")
    # Where one key of many was in conflict, the other messages are stored.
    result = getattr(error, "stored", None) if error else ended.result()
    ids = result if isinstance(result, list | tuple) else [result]
    if stored := [str(one) for one in ids if isinstance(one, StoredId)]:
        log.warning("a call was cancelled while it ran, and has stored: %s", ", ".join(stored))
