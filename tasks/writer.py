"""The writer: stores what was read in the order it came, while its reader goes on.

In:  acts on the ledger. Out: their effects, a moment later.

A page of reports takes Redis as long as the gateway takes to answer with the next: one after the
other, the two would add up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: Acts that wait; more would only hold memory, so whoever brings them waits.
MAX_WAITING = 4

#: Whoever brought an act asks Redis for the next slot first: an act keeps Redis busy for as long.
HEAD_START_S = 0.0015

#: Pause while Redis is away, and how often it is asked: nobody else has what was read.
OUTAGE_PAUSE_S, MAX_TRIES = 1.0, 60


class PageWriter:
    """Does one act after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._room = threading.BoundedSemaphore(MAX_WAITING)
        self._executor = ThreadPoolExecutor(1, "page-writer")
        self._closing = threading.Event()

    def put(self, act: Callable[[], object]) -> None:
        """Have an act done; waits while others do."""
        self._room.acquire()
        self._executor.submit(self._do, act)

    def flush(self) -> None:
        """Wait until all that was put before is done."""
        self._executor.submit(lambda: None).result()

    def close(self) -> None:
        """Do what was put, and end; Redis is not waited for any more."""
        self._closing.set()
        self._executor.shutdown()

    def _do(self, act: Callable[[], object]) -> None:
        time.sleep(HEAD_START_S)
        try:
            for _ in range(MAX_TRIES):
                try:
                    act()
                except RedisError as error:
                    log.warning("Redis is away (%s), a page waits", type(error).__name__)
                    if self._closing.wait(OUTAGE_PAUSE_S):
                        return
                else:
                    return
            log.error("a page was not stored: the next poll brings it again")
        except Exception:
            log.exception("a page was not stored: the next poll brings it again")
        finally:
            self._room.release()
