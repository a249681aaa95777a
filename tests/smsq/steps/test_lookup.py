"""Look-ups: a source that knows ids by uuid, asked when no receipt came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from smsq.errors import TemporaryError
from smsq.gateway.lookup import MessageIdSource, NoSource
from smsq.models import BulkMessage, ReceiptEntry
from smsq.queue import SmsQueue
from smsq.steps.recover import LOOKUPS_PER_TICK, look_up_ids, recover_due
from smsq.steps.resources import Resources
from tests.tasks.serving import serve


class Told:
    """A source that knows what it was told, and who asked."""

    def __init__(self, *entries: ReceiptEntry, makes_requests: bool = False) -> None:
        self.entries = entries
        self.makes_requests = makes_requests
        self.is_broken = False
        self.asked: list[str] = []

    def find(self, uuid: str) -> Sequence[ReceiptEntry] | None:
        self.asked.append(uuid)
        if self.is_broken:
            raise TemporaryError("500", status=500)
        return self.entries or None


@pytest.fixture
def jobs(resources: Resources, queue: SmsQueue) -> list[str]:
    """Accepted jobs that have waited for a receipt for ten minutes."""
    names = [f"Sale {n}" for n in range(LOOKUPS_PER_TICK + 2)]
    campaigns = [
        queue.send_bulk([BulkMessage(name=name, text="hi", phones=["375291234567"])])
        for name in names
    ]
    found = [queue._producer.views.job_ids(campaign)[0] for campaign in campaigns]
    serve(resources, found)
    for job in found:
        resources.redis.zincrby(lookups(resources), -601_000, job)
    return found


def lookups(resources: Resources) -> str:
    return f"{resources.keys.namespace}:lookups"


def with_source(resources: Resources, source: MessageIdSource) -> Resources:
    return replace(resources, message_ids=source)


def test_a_source_is_asked_for_a_few_jobs_in_a_tick_and_each_once(
    resources: Resources, queue: SmsQueue, jobs: list[str]
) -> None:
    source = Told(ReceiptEntry(501, None))
    able = with_source(resources, source)

    assert look_up_ids(able) == LOOKUPS_PER_TICK
    assert look_up_ids(able) == 2
    assert look_up_ids(able) == 0
    assert len(set(source.asked)) == len(jobs)
    assert all(queue.status(job).messages[0].message_id == 501 for job in jobs)
    assert resources.redis.zcard(resources.keys.polls) == len(jobs)


def test_what_is_not_known_yet_is_asked_again_later(resources: Resources, jobs: list[str]) -> None:
    source = Told()
    able = with_source(resources, source)
    assert look_up_ids(able) + look_up_ids(able) + look_up_ids(able) == 0
    assert len(source.asked) == len(jobs)

    source.is_broken = True
    resources.redis.zincrby(lookups(resources), -601_000, jobs[0])
    assert look_up_ids(able) == 0
    assert len(source.asked) == len(jobs) + 1


@pytest.mark.usefixtures("jobs")
def test_a_source_that_makes_requests_waits_for_a_free_slot(resources: Resources) -> None:
    source = Told(makes_requests=True)
    able = with_source(resources, source)
    resources.limiter.pause("an operator")
    look_up_ids(able)
    assert source.asked == []

    resources.limiter.resume()
    look_up_ids(able)
    assert source.asked


@pytest.mark.usefixtures("jobs")
def test_without_a_source_nothing_is_looked_up(resources: Resources) -> None:
    assert isinstance(resources.message_ids, NoSource)
    recover_due(resources)

    assert NoSource().find("u-1") is None
    assert resources.redis.zcard(lookups(resources)) == LOOKUPS_PER_TICK + 2
