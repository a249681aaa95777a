"""Receipts of which nothing is kept, counted for operators without a call for each.

In:  why a receipt was turned away. Out: numbers in the ledger, written once a second at most.

Whoever forges receipts decides how many come. Each costs an addition here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import StrEnum

from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from smsq.store.scripts import Scripts

#: From one call to the next.
EVERY_S = 1.0


class Turned(StrEnum):
    """Why a receipt was turned away, in the order of the script's arguments."""

    REFUSED = "refused"  #: signed, but too large or too slow
    LATE = "late"  #: signed, but the address is too old, or its job is gone
    FORGED = "forged"  #: the signature is of another job, or of nobody


class ReceiptTally:
    """Counts on the event loop; one for the process.

    Args:
        scripts: Of the ledger.
        every_s: From one call to the next.
    """

    def __init__(self, scripts: Scripts, every_s: float = EVERY_S) -> None:
        self._scripts, self._every_s = scripts, every_s
        self._counts: Counter[Turned] = Counter()
        self._writing: asyncio.Task[None] | None = None

    def add(self, why: Turned) -> None:
        """Count one."""
        self._counts[why] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def end(self) -> None:
        """Write what is left, as the process ends."""
        if self._writing:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        await self._write()

    async def _write_all(self) -> None:
        while self._counts:
            await self._write()
            await asyncio.sleep(self._every_s)

    async def _write(self) -> None:
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await run_in_threadpool(
                self._scripts.run, "count_receipts", *(counts[why] for why in Turned)
            )
        except RedisError:  # whoever stores receipts says so; these wait for the next call
            self._counts += counts
