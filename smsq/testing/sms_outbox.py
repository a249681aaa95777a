"""The outbox: whatever a test enqueues stays in the process and can be looked at.

In:  calls of any `SmsQueue` of the process, made before or after. Out: a list of `QueuedSms`.
Never: a worker, a broker, a network.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload
from unittest import TestCase

from smsq.models import JobState, RecipientState
from smsq.options import Phone
from smsq.settings import Settings
from smsq.status.views import Views
from smsq.store import detour
from smsq.store.keys import Keys
from smsq.testing.clock import Clock
from smsq.testing.ledger_reader import LedgerReader
from smsq.testing.queued import QueuedSms
from smsq.testing.redis_within import RedisWithin
from smsq.text.phones import normalize_phone

#: Taking a message to a state makes no request.
_NOWHERE = "http://127.0.0.1:9"


class Outbox(Sequence[QueuedSms]):
    """What was enqueued, in order. Thread-safe; `outbox` makes one.

    It holds what was: a message that was cancelled since is still there.

    Attributes:
        clock: The time as the queues have it: `clock.advance(minutes=6)`.
        fails: While it is set, every call of a queue raises it, as when Redis is away:
            `QueueUnavailableError("down", may_be_stored=True)`. Nothing is stored. None: calls
            succeed again.
    """

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.clock = Clock()
        self._redis = RedisWithin(self.clock, self._look)
        self._lock = threading.Lock()
        self._key_names: dict[str, str] = {}
        self._reader = LedgerReader(self._redis.client, self._key_names, self)
        self._messages: list[QueuedSms] = []

    def to(self, phone: Phone) -> list[QueuedSms]:
        """What was enqueued for one phone, in any spelling.

        Raises:
            ValueError: It is no phone, and nothing could be enqueued for it.
        """
        region = os.environ.get("SMSQ_DEFAULT_REGION", "") or Settings.from_env({}).default_region
        normal = normalize_phone(phone, region, accept_unknown=True)
        if normal is None:
            raise ValueError(f"{phone!r} is no phone")
        return [message for message in self if message.phone == normal]

    @overload
    def __getitem__(self, place: int) -> QueuedSms: ...
    @overload
    def __getitem__(self, place: slice) -> list[QueuedSms]: ...
    def __getitem__(self, place: int | slice) -> QueuedSms | list[QueuedSms]:
        return self._messages[place]

    def __len__(self) -> int:
        return len(self._messages)

    def __eq__(self, other: object) -> bool:
        return self._messages == other

    def __repr__(self) -> str:
        return repr(self._messages)

    # What follows is a `Stage`.

    def drive(self, message: QueuedSms, state: str) -> None:
        """Take a message to a state, as workers would."""
        from smsq.testing.driving import drive  # noqa: PLC0415 - who only looks needs no client
        from smsq.testing.worker_within import build_worker  # noqa: PLC0415

        worker = build_worker(message.namespace, _NOWHERE)
        try:
            drive(worker, self.clock, message, state)
        finally:
            worker.close()

    def find_states(self, message: QueuedSms) -> tuple[JobState, RecipientState]:
        """Find where a message's job and its recipient are now."""
        views = Views(self._redis.client, Keys(message.namespace))
        is_send = message.id.startswith(f"{message.job_id}.")
        own_id = message.id if is_send else message.job_id
        state = views.status(own_id).state
        found = [r.state for r in views.recipients(own_id) if r.phone == message.phone]
        return state, found[0] if found else RecipientState.PENDING

    @property
    def namespaces(self) -> Sequence[str]:
        """Of the queues that something was enqueued on."""
        return sorted(self._reader.namespaces)

    # What follows is a `Detour`.

    def get_connection(self) -> Any:
        """Get a connection for a queue, or raise what `fails` says."""
        if self.fails is not None:
            raise self.fails.with_traceback(None)
        return self._redis.get_connection()

    def note_key(self, digest: str, key: str) -> None:
        """Note what an idempotency key was."""
        self._key_names[digest] = key

    def close(self) -> None:
        """Let go of the Redis."""
        self._redis.close()

    def _look(self) -> None:
        with self._lock:
            self._messages += self._reader.read_new()


@contextmanager
def outbox() -> Iterator[Outbox]:
    """Keep what is enqueued in the block within this process, on whichever queue."""
    made = Outbox()
    try:
        with detour.put_up(made):
            yield made
    finally:
        made.close()


class OutboxMixin(TestCase):
    """For `unittest` and Django: each test of the class has an empty `sms_outbox`."""

    sms_outbox: Outbox

    def setUp(self) -> None:
        """Put the outbox up for one test."""
        super().setUp()
        self.sms_outbox = self.enterContext(outbox())
