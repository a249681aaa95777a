"""Requests as they are measured, and reports of what came of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from smsq.delivery.page_facts import PageFacts
from smsq.measures.exchange import Exchange
from smsq.models import ReportRow
from tests.smsq.world import World

#: An accepted quick message of two parts, at 0.035 each.
EXCHANGE = Exchange(endpoint="q", outcome="accepted", took_ms=84, parts=2, part_price=35_000)
POLLED = Exchange(endpoint="p", outcome="answered", took_ms=12)


def report(world: World, job_id: str, word: str = "Delivered", phone: str = "375291234567") -> None:
    """Have the gateway report a state of a job's one recipient."""
    world.polls.apply_page(
        world.poll_of(job_id),
        [ReportRow(phone, word, None)],
        next_offset=0,
        next_in_s=60,
        facts=PageFacts(exchange=POLLED),
    )


def forget_measures(names: Iterable[str]) -> set[str]:
    """Leave out the keys of measures: they tell of what is gone."""
    return {name for name in names if not re.search(r":(minutes|minute:\d+)$", name)}
