"""A ledger's format: an older ledger is read, a newer one is refused before anything is stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis.exceptions import ResponseError

from config.settings import EXIT_BAD_SETTINGS
from smsq.domain.outcomes import Verdict
from smsq.errors import QueueUnavailableError
from smsq.models import BulkMessage, JobState, Kind, QuickMessage
from smsq.queue import SmsQueue
from smsq.records.jobs import PollPlan
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.smsq.world import World
from worker.requirements import require_ledger

NEWER = 99
ACCEPTED = Verdict(state=JobState.ACCEPTED)


def test_a_ledger_tells_its_format(queue: SmsQueue, scripts: Scripts) -> None:
    queue.send_quick("+375291234567", "hi")

    assert int(str(scripts.redis.hget(scripts.keys.limiter, "format"))) >= 1


def test_a_ledger_without_a_format_is_older_and_read(queue: SmsQueue, scripts: Scripts) -> None:
    job = queue.send_quick("+375291234567", "hi")
    scripts.redis.hdel(scripts.keys.limiter, "format")

    assert queue.cancel(job) == 1
    assert scripts.redis.hexists(scripts.keys.limiter, "format")


def test_who_only_looks_at_the_format_leaves_an_older_ledger_to_older_versions(
    queue: SmsQueue, scripts: Scripts
) -> None:
    queue.send_quick("+375291234567", "hi")
    scripts.redis.hset(scripts.keys.limiter, "format", 1)
    before = scripts.redis.hgetall(scripts.keys.limiter)

    scripts.look_at_format()
    assert scripts.redis.hgetall(scripts.keys.limiter) == before
    scripts.redis.hset(scripts.keys.limiter, "format", NEWER)
    with pytest.raises(ResponseError, match="newer format"):
        scripts.look_at_format()


PHONE = "+375291234567"
CALLS: dict[str, Callable[[SmsQueue], object]] = {
    "send_quick": lambda queue: queue.send_quick(PHONE, "hi", key="order-1"),
    "gathered": lambda queue: queue.send_quick(PHONE, "hi", gather=True),
    "send_quick_many": lambda queue: queue.send_quick_many([QuickMessage(phone=PHONE, text="hi")]),
    "send_personal": lambda queue: queue.send_personal(PHONE, "hi"),
    "send_bulk": lambda queue: queue.send_bulk(
        [BulkMessage(name="Sale", text="hi", phones=[PHONE, "+375291234568"])], key="sale"
    ),
}


IN_PIECES = {"send_quick_many"}


@pytest.mark.parametrize("call", CALLS)
def test_a_producer_stores_nothing_in_a_newer_ledger(
    queue: SmsQueue, scripts: Scripts, call: str
) -> None:
    scripts.redis.hset(scripts.keys.limiter, "format", NEWER)
    with pytest.raises(QueueUnavailableError, match="newer version of smsq") as refused:
        CALLS[call](queue)

    # Of several pieces one may have been stored before the other version came.
    assert refused.value.may_be_stored is (call in IN_PIECES)
    assert list(scripts.redis.scan_iter(f"{scripts.keys.namespace}:*")) == [scripts.keys.limiter]


def test_a_process_does_not_start_on_a_newer_ledger(
    settings: Settings, scripts: Scripts, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts.redis.hset(scripts.keys.limiter, "format", NEWER)
    with pytest.raises(SystemExit) as ended:
        require_ledger(settings)

    assert ended.value.code == EXIT_BAD_SETTINGS
    [line] = capsys.readouterr().err.splitlines()
    assert "written by a newer version of smsq: install that version here" in line


def test_an_answer_in_hand_is_settled_in_a_newer_ledger(settings: Settings) -> None:
    world = World(settings)
    job = world.enqueue()
    claim = world.claim(job)
    world.redis.hset(world.keys.limiter, "format", NEWER)

    assert world.claims.settle(claim, ACCEPTED, PollPlan.of(settings))
    assert world.state(job) is JobState.ACCEPTED
    with pytest.raises(ResponseError, match="newer format"):
        world.find_and_claim_poll()
    world.redis.close()


def test_a_worker_of_format_1_finds_when_a_polls_age_begins(settings: Settings) -> None:
    world = World(settings)
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PollPlan.of(settings))
    told = world.redis.hmget(world.keys.job(job), "born_at_ms", "accepted_at_ms")
    world.redis.close()

    assert told[0] is not None
    assert told[0] == told[1]


def test_a_schedule_of_format_1_which_stands_in_the_job_alone_counts(settings: Settings) -> None:
    world = World(settings)
    starts_at_ms = world.now_ms + 10 * 86_400_000
    job = world.enqueue(kind=Kind.BULK, starts_at_ms=str(starts_at_ms))
    world.redis.hdel(world.keys.message(job, 1), "starts_at_ms")
    world.claims.settle(world.claim(job), ACCEPTED, PollPlan.of(settings))
    world.pass_s(settings.poll_horizon_s + 86_400)
    world.recover()
    state = world.state(job)
    world.redis.close()

    assert state is JobState.ACCEPTED
