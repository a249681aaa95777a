"""A detour: in a test, connections lead to a Redis within the process and no ring goes out.

In:  a `Detour`, put up by `smsq.testing`. Out: what pools and rings ask before they go their way.
Never: up in a process that is not a test's. Queues that were made before take it, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Detour(Protocol):
    """Where a test's calls go. Every thread of the process takes it."""

    def get_connection(self) -> Any:
        """Get a connection to the Redis within, or raise what a test wants to see raised."""

    def note_key(self, digest: str, key: str) -> None:
        """Note what an idempotency key was: the ledger has its digest alone."""


#: The one that is up; None outside of tests.
current: Detour | None = None


@contextmanager
def put_up(detour: Detour) -> Iterator[None]:
    """Send every call of this process the other way; at the end as before."""
    global current
    before, current = current, detour
    try:
        yield
    finally:
        current = before
