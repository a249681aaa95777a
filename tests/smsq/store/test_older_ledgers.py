"""A ledger that an older version wrote: everything in it ends as it should, and goes out once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState, RecipientState, ReportRow
from smsq.records.jobs import Claim, PollClaim
from smsq.settings import Settings
from smsq.status.export import Exporter, Selection
from tests.smsq.world import PLAN, World

FOLDER = Path(__file__).parents[2] / "ledgers"
NAMESPACE = "old"
LEDGERS = sorted(path.name.partition(".")[0] for path in FOLDER.glob("*.json"))
#: What is sent only after an operator says so, or never.
NOT_SENT = ("unknown", "dead", "rejected", "cancelled", "paused")
BULK = (1, 2, 40, 100, 500, 3000)
CAMPAIGNS = ("campaign", "paused")

pytestmark = pytest.mark.real_redis


class OldWorld(World):
    """The ledger, on a clock that goes on from when it was written."""

    def __init__(self, settings: Settings, stored: dict[str, Any]) -> None:
        super().__init__(replace(settings, namespace=NAMESPACE))
        self.forget()
        self.now_us = stored["made_at_us"] + 1_000_000
        self.jobs: dict[str, str] = stored["jobs"]
        self.sent: Counter[str] = Counter()
        self._messages = iter(range(1_000_000, 9_000_000))
        for key, (kind, left_ms, value) in stored["keys"].items():
            self._put(key, kind, value)
            if left_ms:
                self.redis.pexpire(key, left_ms)

    def _put(self, key: str, kind: str, value: Any) -> None:
        if kind == "hash":
            self.redis.hset(key, mapping=value)
        elif kind == "list":
            self.redis.rpush(key, *value)
        elif kind == "set":
            self.redis.sadd(key, *value)
        elif kind == "zset":
            self.redis.zadd(key, dict(value))
        elif kind == "stream":
            for entry_id, fields in value:
                self.redis.xadd(key, fields, id=entry_id)
        else:
            self.redis.set(key, value)

    def forget(self) -> None:
        """Leave nothing."""
        for key in map(str, self.redis.scan_iter(f"{NAMESPACE}:*")):
            self.redis.delete(key)

    def work(self, *, for_s: float) -> None:
        """Be worker and beat for so long; the gateway takes all, and delivers all that it took."""
        until_us = self.now_us + for_s * 1e6
        while self.now_us < until_us:
            self.recover()
            self.align()
            self.polls.find_due(limit=100)
            while claim := self.take():
                self.use(claim)
            self.pass_s(5)

    def use(self, claim: Claim | PollClaim) -> None:
        """Send, or answer a poll with everybody delivered."""
        if isinstance(claim, PollClaim):
            phones = [one.phone for one in self.views.recipients(claim.ref.partition(":")[0])]
            rows = [ReportRow(phone, "delivered", None) for phone in phones]
            self.polls.apply_page(claim, rows, next_offset=0, next_in_s=30)
            return
        self.sent[claim.job_id] += 1
        verdict = Verdict(state=JobState.ACCEPTED, message_id=next(self._messages))
        assert self.claims.settle(claim, verdict, PLAN)

    def states_of(self, some_id: str) -> Counter[RecipientState]:
        """Say what became of the recipients."""
        return Counter(one.state for one in self.views.recipients(some_id))


@pytest.fixture(params=LEDGERS)
def old(request: pytest.FixtureRequest, settings: Settings) -> Iterator[OldWorld]:
    stored = json.loads((FOLDER / f"{request.param}.json").read_text("utf-8"))
    world = OldWorld(settings, stored)
    yield world
    world.forget()
    world.redis.close()


def test_what_was_to_be_sent_goes_out_once_and_all_is_reported(old: OldWorld) -> None:
    old.work(for_s=600)

    assert set(old.sent.values()) == {1}
    for name in ("quick", "waiting", "scheduled", "campaign", "gathered", "gathered2"):
        assert set(old.states_of(old.jobs[name])) == {RecipientState.DELIVERED}, name
    assert old.states_of(old.jobs["campaign"]).total() == 250


def test_reports_that_were_begun_come_to_their_end(old: OldWorld) -> None:
    """Of a campaign of 3,000 stored by 88e5437's predecessor 1,750 stayed pending for ever."""
    old.work(for_s=600)

    for size in BULK:
        job = old.jobs[f"bulk{size}"]
        assert old.states_of(job) == {RecipientState.DELIVERED: size}
        assert old.state(job) is JobState.DONE
        assert job not in old.sent
    assert old.state(old.jobs["accepted"]) is JobState.DONE


def test_nothing_is_sent_that_waits_for_an_operator_or_may_be_out(old: OldWorld) -> None:
    old.work(for_s=600)

    assert old.state(old.jobs["submitting"]) is JobState.UNKNOWN
    assert not {old.jobs[name] for name in (*NOT_SENT, "submitting")} & set(old.sent)
    paused = set(old.views.job_ids(old.jobs["paused"]))
    assert not paused & set(old.sent)
    assert set(old.states_of(old.jobs["paused"])) == {RecipientState.PENDING}


def test_a_paused_campaign_can_be_resumed_and_another_cancelled(old: OldWorld) -> None:
    old.brakes.resume(old.jobs["paused"], by="me@here")
    old.brakes.cancel(old.jobs["campaign"], by="me@here")
    old.work(for_s=600)

    assert old.states_of(old.jobs["paused"]) == {RecipientState.DELIVERED: 30}
    assert not set(old.views.job_ids(old.jobs["campaign"])) & set(old.sent)


def test_all_of_it_can_be_exported(old: OldWorld) -> None:
    old.work(for_s=600)
    exporter = Exporter(old.redis, old.keys)
    all_of_it = Selection(since=datetime.fromtimestamp(0, UTC))
    messages = Counter(row["job"] for row in exporter.messages(all_of_it))
    recipients = Counter((row["job"], row["state"]) for row in exporter.recipients(all_of_it))

    single = {job.partition(".")[0] for name, job in old.jobs.items() if name not in CAMPAIGNS}
    several = {job for name in CAMPAIGNS for job in old.views.job_ids(old.jobs[name])}
    assert messages == dict.fromkeys(single | several, 1)
    for size in BULK:
        assert recipients[old.jobs[f"bulk{size}"], RecipientState.DELIVERED] == size


def test_retention_ends_all_that_is_final(old: OldWorld) -> None:
    old.work(for_s=600)
    final = [old.jobs[name] for name in ("quick", "accepted", "bulk3000", "rejected", "cancelled")]
    old.pass_s(old.settings.retention_s + 1_000_000)
    old.work(for_s=60)

    assert not [job for job in final if old.views.is_job(job)]
