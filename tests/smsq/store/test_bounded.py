"""What one script call does is bounded, and what many do grows with what they are given.

Redis' commands are counted, not its time: they are the same on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from smsq.delivery.matching import Matching
from smsq.domain.outcomes import Verdict
from smsq.gateway.receipts import match_receipt
from smsq.intake.new_jobs import new_job_id
from smsq.models import JobState, Kind, MessageRequest, ReceiptEntry
from smsq.names import Queue
from smsq.records.jobs import Idempotency, NewJob
from smsq.settings import Settings
from tests.smsq.world import PLAN, World

pytestmark = pytest.mark.real_redis
ACCEPTED = Verdict(state=JobState.ACCEPTED, gateway_fields={"uuid": "u"})


@pytest.fixture
def world(settings: Settings) -> World:
    return World(settings)


def count_commands(world: World, act: Callable[[], object]) -> int:
    """How many commands Redis ran for it, those of scripts included."""
    before = _commands(world)
    act()
    return _commands(world) - before


def _commands(world: World) -> int:
    stats: Any = world.redis.info("commandstats")
    return sum(int(one["calls"]) for one in stats.values())


def submit(world: World, messages: int) -> str:
    """An accepted job of so many messages of one recipient."""
    job = NewJob(
        id=new_job_id(),
        kind=Kind.BULK,
        priority=Queue.BULK,
        fields={"on_unknown": "hold"},
        messages=[
            MessageRequest(
                name=f"Bill {i}",
                alphaname_id="123",
                text="Pay",
                recipients={f"37529{1000000 + i}": None},
            )
            for i in range(messages)
        ],
    )
    world.ledger.enqueue(job, Idempotency())
    world.claims.settle(world.claim(job.id), ACCEPTED, PLAN)
    return job.id


def receipt_of(messages: int) -> bytes:
    rows = [{"name": f"Bill {i}", "message_id": 10 + i} for i in range(messages)]
    return json.dumps({"messages": rows}).encode()


@pytest.mark.parametrize("times", [1, 2])
def test_a_receipt_costs_what_it_teaches_however_often_it_comes(world: World, times: int) -> None:
    matching = Matching(world.scripts, world.polls, PLAN)
    costs = []
    for messages in (150, 600):
        job = submit(world, messages)
        for _ in range(times - 1):
            matching.take_receipt(job, receipt_of(messages), None)
        body = receipt_of(messages)
        costs.append(count_commands(world, partial(matching.take_receipt, job, body, None)))
        assert all(m.message_id for m in world.views.status(job).messages)

    assert costs[1] <= 5 * costs[0]


def test_a_receipt_that_comes_again_is_kept_once(world: World) -> None:
    matching = Matching(world.scripts, world.polls, PLAN)
    job = submit(world, 3)
    for _ in range(3):
        matching.take_receipt(job, receipt_of(3), None)

    assert world.redis.llen(world.keys.receipts(job)) == 1


def test_matching_looks_at_each_name_once() -> None:
    class Name(str):
        """Counts how often it is compared."""

        __slots__ = ()
        compared = 0

        def __eq__(self, other: object) -> bool:
            Name.compared += 1
            return str.__eq__(self, other)

        def __hash__(self) -> int:
            return str.__hash__(self)

    names = [Name(f"Bill {i}") for i in range(1000)]
    entries = [ReceiptEntry(i, f"Bill {i}") for i in range(1000)]

    assert match_receipt(entries, names) == {i: i for i in range(1000)}
    assert Name.compared <= 10_000
