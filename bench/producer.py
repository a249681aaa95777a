"""A web app under load: enqueues at a steady pace, and repeats a call that failed.

In:  how many jobs, how fast. Out: every job's id with the phones and texts it is for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from bench.harness import phone
from smsq.errors import QueueUnavailableError
from smsq.models import BulkMessage
from smsq.queue import SmsQueue

#: Before a call that failed is repeated.
REPEAT_PAUSE_S = 0.2

#: Recipients of each campaign; small enough for one job.
CAMPAIGN_PHONES = 3

#: What one SMS is told by: its phone and its text.
Sms = tuple[str, str]


def magic_phone(n: int, suffix: str) -> str:
    """The nth phone that ends in digits which the simulator has a fault for."""
    return f"37533{600 + n}{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is enqueued.

    Attributes:
        jobs: How many.
        per_s: How fast, while Redis takes them.
        campaign_every: So often a job is a campaign instead of a quick message; 0 for never.
        magic_every: So often a phone ends in digits that the simulator has a fault for; 0 for
            never.
        suffixes: Those digits, in turn.
    """

    jobs: int = 5000
    per_s: float = 125.0
    campaign_every: int = 0
    magic_every: int = 0
    suffixes: tuple[str, ...] = ()

    def is_campaign(self, n: int) -> bool:
        """Say whether the nth job is a campaign."""
        return bool(self.campaign_every) and n % self.campaign_every == 0

    def is_magic(self, n: int) -> bool:
        """Say whether the simulator has a fault for the nth job."""
        return bool(self.magic_every) and n % self.magic_every == 0

    def phones(self, n: int) -> list[str]:
        """The phones of the nth job."""
        first = phone(n)
        if self.is_magic(n):
            turn = n // self.magic_every
            first = magic_phone(turn, self.suffixes[turn % len(self.suffixes)])
        more = range(1, CAMPAIGN_PHONES) if self.is_campaign(n) else ()
        return [first, *(phone(1_000_000 + n * CAMPAIGN_PHONES + i) for i in more)]


@dataclass(slots=True)
class Producer:
    """Enqueues a load in a thread of its own.

    Attributes:
        orders: Job, or campaign of one job → what the gateway must accept for it.
        magic: Those of them that have a phone with a magic suffix.
        repeats: Calls that were made again, because Redis did not answer.
    """

    queue: SmsQueue
    load: Load
    orders: dict[str, list[Sms]] = field(default_factory=dict)
    magic: set[str] = field(default_factory=set)
    repeats: int = 0
    _thread: threading.Thread = field(init=False)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """True until everything is enqueued."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Enqueue nothing more, though the load has more."""
        self._ended.set()

    def join(self) -> None:
        """Wait until everything is enqueued."""
        self._thread.join()

    def _run(self) -> None:
        for n in self._paced():
            phones = self.load.phones(n)
            job_id = self._repeat(partial(self._put, n, phones))
            self.orders[job_id] = [(to, f"code {n}") for to in phones]
            if self.load.is_magic(n):
                self.magic.add(job_id)

    def _put(self, n: int, phones: list[str]) -> str:
        key, text = f"job {n}", f"code {n}"
        if self.load.is_campaign(n):
            message = BulkMessage(name=f"campaign {n}", text=text, phones=phones)
            return self.queue.send_bulk([message], key=key)
        return self.queue.send_quick(phones[0], text, key=key)

    def _repeat(self, call: Callable[[], str]) -> str:
        """Call until Redis answers; the key makes repeating safe."""
        while True:
            try:
                return call()
            except QueueUnavailableError:
                self.repeats += 1
                time.sleep(REPEAT_PAUSE_S)

    def _paced(self) -> Iterator[int]:
        started_at_s = time.monotonic()
        for n in range(self.load.jobs):
            time.sleep(max(0.0, started_at_s + n / self.load.per_s - time.monotonic()))
            if self._ended.is_set():
                return
            yield n
