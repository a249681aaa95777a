"""Whether this worker takes rings: when its consumer last asked the broker for some.

In:  Celery's event loop, each time it asks. Out: `Presence` in Redis, from a thread of its own; the
end of this process when the ledger is no longer its own: workers of another gateway have it, or a
newer version of smsq wrote it.

A process can run and be deaf: its connection hangs, or its loop stopped. So nothing else counts as
alive (worker/alive.py, `smsq doctor`).
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from smsq.rings.presence import TELL_EVERY_S, Presence
from smsq.store.refusals import is_newer, say

log = logging.getLogger(__name__)


class LastAsked:
    """When the consumer of this process last asked."""

    def __init__(self) -> None:
        self._asked_at_s: float | None = None

    def note(self, **_: object) -> None:
        """Note that the consumer asks now."""
        self._asked_at_s = time.monotonic()

    @property
    def age_s(self) -> float | None:
        """Seconds since it asked; None when it never did."""
        return None if self._asked_at_s is None else time.monotonic() - self._asked_at_s


#: Of this process.
last_asked = LastAsked()

#: Set when this process ends because the ledger is not its own any more.
refused = threading.Event()

_OTHER_GATEWAY = "this worker ends: workers that send to %s use this ledger now"
NEWER = "this %s ends: a newer version of smsq wrote the ledger: install that version here, too"


def end_process() -> None:
    """Ask this process to end as an operator would; requests in hand are finished."""
    os.kill(os.getpid(), signal.SIGTERM)


def tell_while_running(
    worker: str,
    presence: Presence,
    stop: threading.Event,
    end: Callable[[], None] = end_process,
) -> None:
    """Write down when this worker last asked, until the process stops; Redis may be away.

    Args:
        worker: Its name.
        presence: Where it is written.
        stop: Ends this.
        end: Called when the ledger is no longer this worker's.
    """
    is_told = True
    while not stop.wait(TELL_EVERY_S):
        age_s = last_asked.age_s
        try:
            other = presence.enter(worker) if age_s is None else presence.tell(worker, age_s)
            is_told = True
            if other:
                log.error(_OTHER_GATEWAY, other)
                break
        except RedisError as error:
            if is_newer(error):
                log.error(NEWER, "worker")  # noqa: TRY400 - the traceback says no more
                break
            if is_told:
                log.warning("nobody can see that this worker lives (%s)", say(error))
            is_told = False
    if not stop.is_set():
        refused.set()
        end()


def start_telling(worker: str, presence: Presence, stop: threading.Event) -> None:
    """Write down when this worker last asked, in a thread that ends with the process."""
    threading.Thread(
        target=tell_while_running, args=(worker, presence, stop), name="liveness", daemon=True
    ).start()
