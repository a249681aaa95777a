"""Ids as callers write them: whatever it is, what comes is an error of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import smsq
from smsq.campaigns.draft import CampaignDraft
from smsq.errors import InvalidMessageError, NotFoundError, SmsqError
from smsq.events.webhooks import Webhooks
from smsq.models import JobState, Settlement
from smsq.operate.stuck_jobs import StuckJobs
from smsq.operate.unmatched import UnmatchedJobs
from smsq.settings import Settings
from tests.smsq.world import World

GARBAGE = [
    *(None, 5, 1.5, b"j1", [], {}, object(), "", " ", "x y", "j1.1", "j1.0", "a:b", "*", "\ud800"),
    *("j\0", "ж" * 50, "j" + "1" * 10_000_000, "j1.1.aaaaaaa", "j1\n", "%s{0}", True),
]
IDS = ("some_id", "job_id", "campaign_id", "delivery_id")

#: What calls need beside an id.
OTHERS: dict[str, Any] = {
    "send_at": datetime.now(UTC) + timedelta(days=1),
    "settlement": Settlement.FAILED,
    "name": "Sale",
    "message_id": 7,
}


def find_calls() -> Iterator[tuple[type, str]]:
    """Every public method that takes an id."""
    for kind in (smsq.SmsQueue, StuckJobs, UnmatchedJobs, Webhooks):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_") and set(inspect.signature(method).parameters) & set(IDS):
                yield kind, name


CALLS = list(find_calls())


def call(target: object, name: str, some_id: Any, /) -> Any:
    """Call with an id and whatever else the call cannot do without."""
    method: Callable[..., Any] = getattr(target, name)
    needed = {
        parameter.name: some_id if parameter.name in IDS else OTHERS[parameter.name]
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty
    }
    answer = method(**needed)
    return list(answer) if inspect.isgenerator(answer) else answer


@pytest.fixture
def targets(settings: Settings) -> Iterator[dict[type, Any]]:
    queue = smsq.SmsQueue(settings=settings)
    operator, unmatched = StuckJobs.build(settings), UnmatchedJobs.build(settings)
    yield {
        smsq.SmsQueue: queue,
        StuckJobs: operator,
        UnmatchedJobs: unmatched,
        Webhooks: Webhooks(queue._producer.scripts),
    }
    for made in (queue, operator, unmatched):
        made.close()


@pytest.fixture
def draft(queue: smsq.SmsQueue) -> CampaignDraft:
    """A campaign whose one job is staged, and not more."""
    made = queue._bulk.draft()
    sale = smsq.BulkMessage(name="Sale", text="half price", phones=["375291234567"])
    queue._producer.intake().check_bulk([sale], made, [])
    made._close_message()
    made._stage()
    assert len(made.job_ids) == 1
    return made


def test_the_calls_are_found() -> None:
    names = {name for _, name in CALLS}
    assert {"status", "recipients", "cancel", "pause", "resume", "campaign", "failed"} <= names
    assert {"reschedule", "timeline", "progress", "resend", "settle", "retry"} <= names
    assert {"attach", "replay"} <= names


@pytest.mark.parametrize(("kind", "name"), CALLS, ids=lambda value: str(value))
def test_garbage_for_an_id_is_not_found(kind: type, name: str, targets: dict[type, Any]) -> None:
    for garbage in GARBAGE:
        if name == "progress" and isinstance(garbage, str) and garbage != "\ud800":
            continue  # of what is not there there is none
        with pytest.raises(SmsqError) as caught:
            call(targets[kind], name, garbage)
        assert isinstance(caught.value, NotFoundError), (garbage, caught.value)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("kind", "name"), CALLS, ids=lambda value: str(value))
def test_a_job_of_a_draft_is_none_yet(
    kind: type, name: str, targets: dict[type, Any], draft: CampaignDraft, world: World
) -> None:
    """Staged, and perhaps never committed: nobody is told a phone of it, and nothing moves it."""
    before = world.redis.hgetall(world.keys.job(draft.job_ids[0]))

    if name == "progress":
        return
    with pytest.raises(NotFoundError):
        call(targets[kind], name, draft.job_ids[0])
    assert world.redis.hgetall(world.keys.job(draft.job_ids[0])) == before


@pytest.mark.parametrize("name", ["resend", "settle", "retry", "attach"])
def test_a_job_that_is_not_launched_yet_says_what_it_is(
    name: str,
    targets: dict[type, Any],
    draft: CampaignDraft,
    queue: smsq.SmsQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(draft._staging, "launch", lambda _: iter(()))
    queue._bulk.commit(draft)
    target = targets[UnmatchedJobs if name == "attach" else StuckJobs]

    with pytest.raises(InvalidMessageError, match="is queued"):
        call(target, name, draft.job_ids[0])
    assert queue.status(draft.job_ids[0]).state is JobState.QUEUED
