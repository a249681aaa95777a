"""Once the ledger has it, a call succeeds: nothing that the ring's side does can fail it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import kombu.exceptions
import pytest
import redis.exceptions

import smsq
from smsq.campaigns import steering
from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.operate.stuck_jobs import StuckJobs
from smsq.rings.breaker import Breaker
from smsq.rings.line import PAUSE_S
from smsq.rings.rings import Rings
from smsq.settings import Settings
from tests.smsq.world import PLAN, UNKNOWN, World
from tests.support import RedisServer

pytestmark = pytest.mark.long

PHONE = "+375291234567"
DEAD = Verdict(state=JobState.DEAD, error="gave up", error_class="temporary")

FAILURES = [
    TypeError("an option that kombu does not know"),
    ValueError("a port out of range"),
    ModuleNotFoundError("no boto3"),
    RecursionError("too deep"),
    AttributeError("x"),
    KeyError("no such queue"),
    AssertionError("x"),
    MemoryError("x"),
    UnicodeError("label too long"),
    OSError("away"),
    redis.exceptions.ResponseError("OOM command not allowed"),
    kombu.exceptions.OperationalError("away"),
]


class Broker:
    """A broker that fails, and counts how often it was tried."""

    def __init__(self) -> None:
        self.tries = 0
        self.failure: Exception | None = None

    def publish(self, *_: object, **__: object) -> int:
        self.tries += 1
        if self.failure:
            raise self.failure
        return self.tries


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(Rings, "_send", made.publish)
    return made


class Shop:
    """A web app and an operator on one ledger, with a small bound so that campaigns have jobs."""

    def __init__(self, settings: Settings) -> None:
        self.queue = smsq.SmsQueue(settings=settings)
        self.world = World(settings)
        self.operator = StuckJobs(settings, self.world.redis, by="olga@night")

    def phones(self, n: int) -> list[str]:
        return [f"37529{1000000 + i}" for i in range(n)]

    def bulk(self, n: int = 20) -> smsq.BulkMessage:
        return smsq.BulkMessage(name="Sale", text="half price", phones=self.phones(n))

    def quick(self, n: int) -> list[smsq.QuickMessage]:
        return [smsq.QuickMessage(phone=phone, text="code") for phone in self.phones(n)]

    def draft(self) -> CampaignDraft:
        draft = self.queue._bulk.draft()
        with self.queue._producer.call(writes=False):
            self.queue._producer.intake().check_bulk([self.bulk()], draft, [])
        return draft

    def paused(self) -> str:
        campaign = self.queue.send_bulk([self.bulk(101)])
        assert self.queue.pause(campaign)
        return campaign

    def stuck(self, verdict: Verdict) -> str:
        self.world.scripts._clock = lambda: None
        job = self.world.enqueue()
        self.world.claims.settle(self.world.claim(job), verdict, PLAN)
        return job

    def close(self) -> None:
        self.queue.close()
        self.operator.close()


@pytest.fixture
def shop(environ: dict[str, str]) -> Iterator[Shop]:
    made = Shop(Settings.from_env({**environ, "SMSQ_BULK_MAX_RECIPIENTS": "1"}, needs_gateway=True))
    yield made
    made.close()


def decide(operation: Callable[[str], None], job: str) -> str:
    operation(job)
    return job


#: How each call is made ready, made, and what it must have done: one look at its outcome.
_Call = tuple[Callable[[Shop], Any], Callable[[Shop, Any], Any], Callable[[Shop, Any, Any], bool]]
CALLS: dict[str, _Call] = {
    "send_quick": (
        lambda shop: None,
        lambda shop, _: shop.queue.send_quick(PHONE, "code"),
        lambda shop, _, job: shop.queue.status(job).state == "queued" and jobs(shop) == 1,
    ),
    "send_personal": (
        lambda shop: None,
        lambda shop, _: shop.queue.send_personal(PHONE, "ready"),
        lambda shop, _, send: shop.queue.status(send).state == "queued" and jobs(shop) == 1,
    ),
    "send_quick_many": (
        lambda shop: None,
        lambda shop, _: shop.queue.send_quick_many(shop.quick(201)),
        lambda shop, _, ids: len(set(ids)) == 201 == jobs(shop),
    ),
    "send_bulk": (
        lambda shop: None,
        lambda shop, _: shop.queue.send_bulk([shop.bulk()]),
        lambda shop, _, campaign: shop.queue.campaign(campaign).jobs == {"queued": 20},
    ),
    "commit_campaign": (
        lambda shop: shop.draft(),
        lambda shop, draft: shop.queue._bulk.commit(draft),
        lambda shop, draft, campaign: shop.queue.campaign(campaign).jobs == {"queued": 20},
    ),
    "resume": (
        lambda shop: shop.paused(),
        lambda shop, campaign: shop.queue.resume(campaign),
        lambda shop, campaign, _: shop.queue.campaign(campaign).jobs == {"queued": 101},
    ),
    "retry": (
        lambda shop: shop.stuck(DEAD),
        lambda shop, job: decide(shop.operator.retry, job),
        lambda shop, job, _: shop.queue.status(job).state == "queued",
    ),
    "resend": (
        lambda shop: shop.stuck(UNKNOWN),
        lambda shop, job: decide(shop.operator.resend, job),
        lambda shop, job, _: shop.queue.status(job).state == "queued",
    ),
}


def jobs(shop: Shop) -> int:
    return sum(shop.queue.stats().jobs.values())


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_whose_job_is_stored_returns_after_one_try(
    shop: Shop,
    broker: Broker,
    call: str,
    failure: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    prepare, make, is_done = CALLS[call]
    ready = prepare(shop)
    broker.failure, broker.tries = failure, 0
    with caplog.at_level(logging.WARNING):
        answer = make(shop, ready)

    assert answer
    assert is_done(shop, ready, answer)
    assert broker.tries == 1, "the rest of the call is recover's"
    assert f"recover will repeat it: {type(failure).__name__}" in caplog.text


def test_a_broker_that_failed_is_left_alone_for_a_moment(shop: Shop, broker: Broker) -> None:
    broker.failure = OSError("away")
    for _ in range(20):
        shop.queue.send_quick(PHONE, "code")
    assert broker.tries == 1

    broker.failure = None
    deadline_s = time.monotonic() + 10 * PAUSE_S
    while broker.tries == 1 and time.monotonic() < deadline_s:
        shop.queue.send_quick(PHONE, "code")
    shop.queue.send_quick(PHONE, "code")
    assert broker.tries == 3, "one tried again, and with its success all do"


def test_a_breaker_lets_one_try_after_a_pause() -> None:
    now_s = 0.0
    breaker = Breaker(2.0, clock=lambda: now_s)
    assert breaker.allows()
    breaker.fail()
    assert not breaker.allows()

    now_s = 2.0
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeed()
    assert breaker.allows()
    assert breaker.failures == 1


def test_a_ledger_that_goes_away_after_the_decision_does_not_undo_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = shop.queue.send_bulk([shop.bulk(3)])
    away = redis.exceptions.ConnectionError("gone")

    def go_away(*_: object, **__: object) -> None:
        raise away

    monkeypatch.setattr(shop.queue._steering._brakes, "align", go_away)
    assert shop.queue.pause(campaign)
    assert shop.queue.resume(campaign)
    monkeypatch.setattr(steering, "load_campaign", go_away)
    with pytest.raises(smsq.QueueUnavailableError) as caught:
        shop.queue.cancel(campaign)

    assert caught.value.may_be_stored
    monkeypatch.undo()
    assert str(shop.queue.campaign(campaign).brake).count("cancelled")


@pytest.mark.real_redis
def test_thirty_threads_do_not_queue_up_for_a_silent_broker(
    environ: dict[str, str], tmp_path: Any
) -> None:
    with RedisServer(tmp_path) as silent:
        settings = Settings.from_env({**environ, "SMSQ_BROKER_URL": silent.url})
        queue = smsq.SmsQueue(settings=settings)
        queue.send_quick(PHONE, "code")
        os.kill(silent.pid, signal.SIGSTOP)
        try:
            tries = count_tries(queue)
            threads = [
                threading.Thread(target=queue.send_quick, args=(PHONE, "code")) for _ in range(30)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            os.kill(silent.pid, signal.SIGCONT)
        assert sum(queue.stats().jobs.values()) == 31
        assert len(tries) <= 10, "one for each connection of the pool, and nobody after them"
        queue.close()


def count_tries(queue: smsq.SmsQueue) -> list[int]:
    tries: list[int] = []
    send = queue._producer.rings._send

    def counted(*args: Any) -> int:
        tries.append(1)
        return send(*args)

    queue._producer.rings._send = counted  # type: ignore[method-assign, assignment]
    return tries
