"""A person is shown and forgotten: afterwards nothing in Redis, nor in its log, names the phone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from smsq.delivery.matching import Matching
from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError
from smsq.models import BulkMessage, JobState, PersonalMessage, RecipientState, ReportRow
from smsq.operate.people import People
from smsq.queue import SmsQueue
from smsq.records.jobs import Claim, PollClaim
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World
from tests.support import RedisServer, wait_until

PHONE, OTHER = "375291234567", "375297654321"
SPELLING = "+375 29 123-45-67"
TEXT = "Your code is 4821"
REJECTED = Verdict(state=JobState.REJECTED, error="400", error_class="refused")
DEAD = Verdict(state=JobState.DEAD, error="gave up", error_class="temporary")


@dataclass
class Shop:
    """A web app, its workers by hand, and an operator."""

    queue: SmsQueue
    world: World
    people: People

    @property
    def redis(self) -> Redis:
        """The ledger's client."""
        return self.world.redis

    def work_off(self, verdict: Verdict = ACCEPTED) -> None:
        """Send all that waits, with one end, and have everything delivered."""
        world = self.world
        while claim := world.take():
            if isinstance(claim, Claim):
                world.claims.settle(claim, verdict, PLAN)
                if claim.kind == "bulk" and verdict is ACCEPTED:
                    Matching(world.scripts, world.polls, PLAN).write(
                        claim.job_id, dict.fromkeys(range(len(claim.messages)), 9), what="told"
                    )

    def deliver(self) -> None:
        """Have the gateway report everything delivered."""
        world = self.world
        world.pass_s(10)
        world.polls.find_due(limit=100)
        while isinstance(claim := world.take(), PollClaim):
            rows = [ReportRow(phone, "Delivered", None) for phone in (PHONE, OTHER)]
            world.polls.apply_page(claim, rows, next_offset=0, next_in_s=None)

    def places(self, *needles: str) -> list[str]:
        """Names of all keys that hold one of these, whatever their type."""
        return [name for name, text in self.dump().items() if any(n in text for n in needles)]

    def dump(self) -> dict[str, str]:
        """All that the installation has."""
        found = {}
        for name in self.redis.scan_iter(f"{self.world.keys.namespace}:*", 1000):
            kind = self.redis.type(name)
            read = {
                "string": lambda k: self.redis.get(k),
                "hash": lambda k: self.redis.hgetall(k),
                "list": lambda k: self.redis.lrange(k, 0, -1),
                "set": lambda k: self.redis.smembers(k),
                "zset": lambda k: self.redis.zrange(k, 0, -1),
                "stream": lambda k: self.redis.xrange(k),
                "none": lambda _: "",  # its time was over meanwhile
            }[str(kind)]
            found[str(name)] = f"{name} {read(name)!r}"
        return found


@pytest.fixture
def shop(queue: SmsQueue, world: World, settings: Settings) -> Shop:
    world.now_us = time.time_ns() // 1000  # the web app goes by Redis' own
    return Shop(queue, world, People(settings, world.redis, by="anna"))


def send_every_way(shop: Shop) -> None:
    """Leave traces of the phone by every path: delivered, refused, dead, waiting; lists."""
    queue = shop.queue
    for phone in (PHONE, OTHER):
        queue.send_quick(phone, TEXT, priority="urgent", key=f"login-{phone}", reference=phone)
        queue.send_quick(phone, TEXT, tags=[f"tag-{phone}"])
        queue.send_personal(phone, TEXT, reference=f"bill-{phone}")
    bills = PersonalMessage(name="Bills", texts=[(p, f"{TEXT} {p}") for p in (PHONE, OTHER)])
    queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=[PHONE, OTHER])])
    queue.send_bulk([bills])
    shop.world.pass_s(60)
    shop.world.recover()
    shop.work_off()
    shop.deliver()
    for verdict in (REJECTED, DEAD):
        for phone in (PHONE, OTHER):
            queue.send_quick(phone, TEXT)
        shop.work_off(verdict)
    for phone in (PHONE, OTHER):
        queue.send_quick(phone, TEXT)  # waits
        queue.optout.add([phone])


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"SMSQ_PER_PHONE": "100/1h", "SMSQ_CAP_PER_DAY": "5", "SMSQ_KEEP_TEXTS": "1"}


def test_after_it_nothing_names_the_phone_and_counts_are_as_before(shop: Shop) -> None:
    send_every_way(shop)
    before = shop.queue.stats()
    assert len(shop.places(PHONE)) > 10

    done = shop.people.forget(SPELLING)
    assert (done.phone, done.later, done.was_opted_out) == ("+375*******67", [], True)
    assert shop.places(PHONE, "1234567", "123-45-67") == []
    after = shop.queue.stats()
    assert sum(after.recipients.values()) == sum(before.recipients.values())
    assert after.recipients[RecipientState.DELIVERED] == before.recipients[RecipientState.DELIVERED]
    assert after.jobs[JobState.REJECTED] == before.jobs[JobState.REJECTED]
    assert shop.people.show(PHONE).traces == []


def test_others_keep_what_is_theirs(shop: Shop) -> None:
    send_every_way(shop)
    before = {name for name, text in shop.dump().items() if OTHER in text}
    shop.people.forget(PHONE)

    assert {name for name, text in shop.dump().items() if OTHER in text} == before
    assert shop.queue.find(reference=f"bill-{OTHER}")
    assert not shop.queue.find(reference=f"bill-{PHONE}")
    assert shop.queue.optout.count_opted_out([OTHER]) == 1


def test_what_waits_is_not_sent_any_more(shop: Shop) -> None:
    job = shop.queue.send_quick(PHONE, TEXT)
    sale = shop.queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=[PHONE, OTHER])])
    assert shop.people.forget(PHONE).forgotten == 2

    sent = []
    while claim := shop.world.take():
        assert isinstance(claim, Claim)
        sent += [phone for message in claim.messages for phone in message.recipients]
        shop.world.claims.settle(claim, ACCEPTED, PLAN)
    assert sent == [OTHER]
    [forgotten] = shop.queue.recipients(job)
    assert (forgotten.state, forgotten.gateway_status) == (RecipientState.WITHHELD, "forgotten")
    states = sorted(str(r.state) for r in shop.queue.recipients(sale))
    assert states == ["pending", "withheld"]


def test_what_is_on_its_way_or_in_doubt_is_done_later_and_told(shop: Shop) -> None:
    unknown, accepted = shop.queue.send_quick(PHONE, TEXT), None
    shop.work_off(UNKNOWN)
    accepted = shop.queue.send_quick(PHONE, TEXT)
    shop.work_off()

    done = shop.people.forget(PHONE)
    assert sorted(done.later) == sorted([unknown, accepted])
    assert shop.places(PHONE)
    shop.deliver()
    assert shop.people.forget(PHONE).later == [unknown]


def test_a_dead_job_of_somebody_forgotten_is_sent_to_nobody(shop: Shop) -> None:
    job = shop.queue.send_quick(PHONE, TEXT)
    shop.work_off(DEAD)
    shop.people.forget(PHONE)

    assert shop.places(PHONE) == []
    assert shop.queue.stats().recipients[RecipientState.WITHHELD] == 1
    assert shop.queue.status(job).state in {JobState.DEAD, JobState.DONE}


def test_who_looked_and_who_had_it_forgotten_is_in_the_audit_trail(shop: Shop) -> None:
    shop.queue.send_quick(PHONE, TEXT)
    shop.people.show(PHONE)
    shop.people.forget(PHONE)

    entries: Any = shop.redis.xrange(f"{shop.world.keys.namespace}:audit")
    acts = [(fields["act"], fields["by"], fields["target"]) for _, fields in entries]
    assert ("person", "anna", "+375*******67") in acts
    assert ("forget", "anna", "+375*******67") in acts


@pytest.mark.parametrize("phone", ["123", "", "phone"])
def test_what_is_no_phone_is_refused(shop: Shop, phone: str) -> None:
    with pytest.raises(InvalidMessageError):
        shop.people.forget(phone)


@pytest.mark.skipif(not HAS_REDIS, reason="needs a redis-server with a log")
def test_the_log_does_not_name_the_phone_once_it_is_rewritten(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    # As plain text: the other form may be packed, and a search of it proves nothing.
    log = ("--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no")
    with RedisServer(tmp_path, *log) as server:
        settings = Settings.from_env(environ | {"SMSQ_REDIS_URL": server.url})
        world, queue = World(settings), SmsQueue(settings=settings)
        world.now_us = time.time_ns() // 1000
        shop = Shop(queue, world, People(settings, world.redis, by="anna"))
        send_every_way(shop)
        shop.people.forget(PHONE)
        world.redis.bgrewriteaof()
        wait_until(
            lambda: not world.redis.info("persistence")["aof_rewrite_in_progress"], "rewritten"
        )
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*.aof"))
        assert OTHER.encode() in written
        assert PHONE.encode() not in written
        queue.close()
        world.redis.close()
