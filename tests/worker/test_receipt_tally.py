"""Receipts that are turned away: counted, all of them, without a call for each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from smsq.measures.readings import Readings
from smsq.queue import SmsQueue
from smsq.store.scripts import Scripts
from worker.receipt_tally import ReceiptTally, Turned


@pytest.fixture
def calls(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was called; the second call fails."""
    called: list[tuple[Any, ...]] = []
    run = scripts.run

    def note(name: str, *args: Any) -> Any:
        called.append((name, *args))
        if len(called) == 2:
            raise RedisConnectionError
        return run(name, *args)

    monkeypatch.setattr(scripts, "run", note)
    return called


def test_a_flood_of_forged_receipts_is_counted_in_few_calls(
    scripts: Scripts, calls: list[tuple[Any, ...]], queue: SmsQueue
) -> None:
    async def turn_away() -> None:
        tally = ReceiptTally(scripts, every_s=0.01)
        for _ in range(1000):
            tally.add(Turned.FORGED)
        while len(calls) < 2:
            await asyncio.sleep(0.001)
            tally.add(Turned.REFUSED)
        tally.add(Turned.LATE)
        await tally.end()

    asyncio.run(turn_away())

    assert len(calls) <= 4
    found = Readings(scripts).totals().receipts
    assert (found["forged"], found["late"]) == (1000, 1)
    assert found["refused"] == queue.stats().oddities["receipts_refused"] > 0


def test_nothing_is_called_for_nothing(scripts: Scripts, calls: list[tuple[Any, ...]]) -> None:
    asyncio.run(ReceiptTally(scripts).end())
    assert calls == []
