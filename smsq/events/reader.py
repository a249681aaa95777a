"""Reading the news: a consumer group on the stream of events.

In:  a group's and a consumer's name. Out: events, each at least once.

What was given out is acknowledged when the next one is asked for. What a crashed consumer had in
hand is taken over after a while, by its successor of the same name at once.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from smsq.errors import ConfigError, QueueUnavailableError
from smsq.events.events import Event, read_entry
from smsq.events.groups import join_group
from smsq.events.subscription import Subscription
from smsq.frames import guarded
from smsq.names import Start
from smsq.settings import Settings
from smsq.store.connection import say_refusal, unavailable
from smsq.store.keys import Keys
from smsq.store.refusals import find_refusal

log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Redis is asked anew this often: below the time-out of a producer's connection.
_LOOK_S = 0.3

#: Longest absence of Redis that is waited out: a restart with a large ledger.
OUTAGE_S = 60.0

#: Pause between two tries meanwhile, and between two looks at a Redis that does not block.
_PAUSE_S = 0.1

#: Of what a group has in hand.
_BEGINNING = "0-0"


@guarded
class EventReader(Iterator[Event]):
    """Gives out events, one by one; made by `SmsQueue.events`. Not thread-safe.

    An event counts as handled when the next one is asked for, on `close`, and at the end of a
    `with` block that no exception ended. Events of one write stand in one entry, which is handled
    when the last of them is. A reader that is dropped has not handled what it gave out last.

    Args:
        redis: The ledger's.
        subscription: Who reads, and how.
        settings: Of the queue.

    Raises:
        ConfigError: No news is kept.
        QueueUnavailableError: Redis did not answer.
    """

    def __init__(self, redis: Redis, subscription: Subscription, settings: Settings) -> None:
        if settings.events_keep_s == 0:
            raise ConfigError(["SMSQ_EVENTS_KEEP_S is 0: there is no news to read"])
        self._redis = redis
        self._keys, self._keep_s = Keys(settings.namespace), settings.events_keep_s
        self._stream = self._keys.events
        self._subscription = subscription
        self._group, self._consumer = subscription.group, subscription.consumer
        self._start = Start(subscription.start)
        self._claims_at_s, self._claims_from = 0.0, _BEGINNING
        self._may_have_own = True
        self._entries: deque[tuple[str, dict[str, str]]] = deque()
        self._events: deque[Event] = deque()
        self._in_hand: str | None = None
        self._is_stopped = False
        with unavailable(redis, writes=False):
            self._join()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        """Acknowledge the event before, and wait for the next one.

        Raises:
            StopIteration: No news for `block_s`.
            QueueUnavailableError: Redis stayed away for a minute.
        """
        if (event := self.poll(self._subscription.block_s)) is None:
            raise StopIteration
        return event

    def poll(self, block_s: float | None) -> Event | None:
        """Do as `__next__`, but wait for `block_s`, and return None where there was no news."""
        until_s = math.inf if block_s is None else time.monotonic() + block_s
        while True:
            self.close()
            if self._events:
                return self._events.popleft()
            if self._entries or self._fetch(until_s):
                self._open(*self._entries.popleft())
            elif time.monotonic() >= until_s:
                return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def close(self) -> None:
        """Acknowledge what was given out; of an entry only when all its events were."""
        if self._in_hand is not None and not self._events:
            entry_id = self._in_hand
            self._ask(lambda: self._redis.xack(self._stream, self._group, entry_id))
            self._in_hand = None

    def stop(self) -> None:
        """Have Redis waited for no longer where it is away; for another thread to call."""
        self._is_stopped = True

    def _open(self, entry_id: str, fields: dict[str, str]) -> None:
        """Begin to give out an entry; one without fields was trimmed before it was handled."""
        self._in_hand = entry_id
        try:
            self._events.extend(read_entry(entry_id, fields) if fields else ())
        except ValueError as error:
            log.warning("news skipped: %s", error)

    def _fetch(self, until_s: float) -> bool:
        self._entries.extend(self._ask(lambda: self._take(until_s)))
        return bool(self._entries)

    def _take(self, until_s: float) -> list[Any]:
        """Take entries: one's own first, then what others left behind, then new ones."""
        if self._may_have_own:
            if own := self._read("0"):
                return own
            self._may_have_own = False
        return self._claim() or self._wait(until_s)

    def _claim(self) -> list[Any]:
        now_s = time.monotonic()
        if now_s < self._claims_at_s:
            return []
        self._claims_from, entries, *_ = self._redis.xautoclaim(
            self._stream,
            self._group,
            self._consumer,
            min_idle_time=round(self._subscription.claim_after_s * 1000),
            start_id=self._claims_from,
            count=self._subscription.count,
        )
        if self._claims_from == _BEGINNING:
            self._claims_at_s = now_s + self._subscription.claim_after_s / 2
        return list(entries)

    def _wait(self, until_s: float) -> list[Any]:
        began_s = time.monotonic()
        wait_s = min(max(until_s - began_s, 0), _LOOK_S)
        # 0 would mean for ever.
        entries = self._read(">", block_ms=max(round(wait_s * 1000), 1))
        if not entries and time.monotonic() - began_s < wait_s / 2:
            time.sleep(min(_PAUSE_S, wait_s))  # fakeredis does not block
        return entries

    def _read(self, after: str, *, block_ms: int | None = None) -> list[Any]:
        """Read after an entry: "0" for those given to this consumer before, ">" for new ones."""
        answer: Any = self._redis.xreadgroup(
            self._group,
            self._consumer,
            {self._stream: after},
            count=self._subscription.count,
            block=block_ms,
        )
        return [entry for _, entries in answer or [] for entry in entries]

    def _ask(self, call: Callable[[], _T]) -> _T:
        """Ask Redis, again while it is away."""
        until_s = time.monotonic() + OUTAGE_S
        while True:
            try:
                return call()
            except (RedisConnectionError, RedisTimeoutError, ResponseError) as error:
                refusal = find_refusal(error)
                failure = say_refusal(error)
                if refusal is not None:
                    failure += f"; {refusal.fix}"
                    if refusal.is_lasting:
                        break
                elif isinstance(error, ResponseError):
                    # A stream that is gone, with Redis' memory or for want of news, begins anew.
                    if not self._rejoins():
                        break
                else:
                    failure = f"Redis has been away for {OUTAGE_S:.0f} s ({type(error).__name__})"
                # What was on its way when the connection broke is ours, and must be asked for.
                self._may_have_own = True
            if time.monotonic() >= until_s or self._is_stopped:
                break
            time.sleep(_PAUSE_S)
        raise QueueUnavailableError(failure) from None

    def _rejoins(self) -> bool:
        try:
            return self._join()
        except (RedisConnectionError, RedisTimeoutError):
            return True
        except ResponseError as error:
            refusal = find_refusal(error)
            return refusal is not None and not refusal.is_lasting

    def _join(self) -> bool:
        """Make the group where it is missing; True when it was."""
        start, self._start = self._start, Start.OLDEST  # what is made anew misses nothing
        return join_group(self._redis, self._keys, self._group, start=start, keep_s=self._keep_s)
