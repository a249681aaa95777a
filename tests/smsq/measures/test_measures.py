"""What scripts measure by the way is what happened, once, whatever process tells it again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from smsq.delivery.page_facts import PageFacts
from smsq.delivery.polls import SLICE_ROWS
from smsq.domain.outcomes import Verdict
from smsq.measures.exchange import Exchange
from smsq.measures.folding import Folding
from smsq.measures.keys import MeasureKeys
from smsq.measures.packing import pack, unpack
from smsq.measures.readings import KEEP_MINUTES, Measures, Readings, add_up
from smsq.models import JobState, Kind, Outcome, ReportRow
from smsq.names import Queue
from smsq.records.jobs import Claim
from smsq.settings import Settings
from tests.smsq.life import Life, live, profile
from tests.smsq.measures.measured import EXCHANGE, POLLED, report
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World

BUSY = Exchange(endpoint="q", outcome="busy", reason="http_429", took_ms=7)
LOST = Exchange(endpoint="q", outcome="unknown", reason="no_answer", took_ms=15_000)
LATER = Verdict(state=JobState.QUEUED, error="429", error_class=Outcome.BUSY, is_counted=False)


def keys_of(world: World) -> MeasureKeys:
    return MeasureKeys(world.keys.namespace)


def read(world: World) -> Measures:
    return Readings(world.scripts).totals()


def fold_all(world: World, rate_per_s: float = 10.0) -> None:
    folding = Folding(world.scripts)
    while folding.fold(world.now_us / 1e6, rate_per_s):
        """The next twenty."""


def test_each_step_of_a_code_is_measured(world: World) -> None:
    job = world.enqueue(priority=Queue.URGENT)
    world.pass_s(0.3)
    claim = world.claim(job)
    world.pass_s(0.1)
    world.claims.settle(claim, ACCEPTED, PLAN, EXCHANGE)
    world.pass_s(9)
    report(world, job)

    found = read(world)
    assert found.enqueue_to_request["urgent"].sum_ms == 300
    assert found.slot_wait["urgent"].sum_ms == 300
    assert found.accepted_to_delivered["urgent"].sum_ms == 9000
    assert found.enqueue_to_delivered["urgent"].sum_ms == 9400
    assert found.requests["sendQuickSMS", "accepted", ""] == 1
    assert found.final_by_sender == {("123", "delivered"): 1}
    assert found.parts == {"urgent": 2}
    assert found.polls == 1


def test_the_wait_that_was_asked_for_does_not_count(world: World) -> None:
    job = world.enqueue(due_at_ms=str(world.now_ms + 3_600_000))
    world.pass_s(3600)
    world.recover()
    world.pass_s(2)
    world.claim(job)

    assert read(world).enqueue_to_request["normal"].sum_ms == 2000


def test_only_the_first_request_of_a_job_counts_as_its_wait(world: World) -> None:
    job = world.enqueue()
    for _ in range(3):
        world.claims.settle(world.claim(job), LATER, PLAN, BUSY)
        world.pass_s(1)

    found = read(world)
    assert found.enqueue_to_request["normal"].count == 1
    assert found.requests["sendQuickSMS", "busy", "http_429"] == 3
    assert found.outcomes == {"busy": 3}


def test_a_worker_that_died_in_a_request_counts_once_as_unknown(world: World) -> None:
    job = world.enqueue()
    claim = world.claim(job)
    world.pass_s(60)
    world.recover()
    assert read(world).requests == {("sendQuickSMS", "unknown", "lease"): 1}
    # Its answer comes all the same: the request was counted, and what it costs was not.
    world.claims.settle(claim, ACCEPTED, PLAN, EXCHANGE)
    world.claims.settle(claim, ACCEPTED, PLAN, EXCHANGE)

    found = read(world)
    assert found.requests == {("sendQuickSMS", "unknown", "lease"): 1}
    assert found.parts == {"normal": 2}


def test_recipients_given_up_count_for_sender_and_country(world: World) -> None:
    job = world.enqueue(phones=["375291234567"])
    world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
    world.pass_s(PLAN.horizon_ms / 1000 + 1)
    while not read(world).final_by_sender:
        world.recover()

    assert read(world).final_by_sender == {("123", "no_report"): 1}
    assert read(world).final_by_country == {("375", "no_report"): 1}


@pytest.mark.parametrize(
    ("phone", "code"),
    [("375291234567", "375"), ("12025550123", "1"), ("77011234567", "7"), ("442079460000", "44")],
)
def test_a_country_is_known_by_its_code(world: World, phone: str, code: str) -> None:
    job = world.enqueue(phones=[phone])
    world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
    report(world, job, "Undelivered", phone)

    assert read(world).final_by_country == {(code, "undelivered"): 1}


def test_minutes_are_folded_once_and_kept_for_72_hours(world: World) -> None:
    minutes = []
    for _ in range(5):
        world.claims.settle(world.claim(world.enqueue()), ACCEPTED, PLAN, EXCHANGE)
        minutes.append(world.now_us // 60_000_000)
        world.pass_s(60)
    before = read(world).fields
    world.pass_s(120)
    fold_all(world, 7.5)
    fold_all(world)

    assert read(world).fields == before
    assert world.redis.zcard(keys_of(world).minutes) == 0
    readings = Readings(world.scripts)
    found = readings.minutes(minutes[0] * 60, minutes[-1] * 60)
    assert list(found) == minutes
    assert add_up(found.values()).fields == before
    assert found[minutes[-1]].rate_per_s == 7.5
    ttl_s = world.redis.ttl(keys_of(world).history(minutes[0]))
    assert KEEP_MINUTES * 60 - 60 <= ttl_s <= KEEP_MINUTES * 60


def test_the_minute_that_goes_on_is_read_with_the_others(world: World) -> None:
    world.claims.settle(world.claim(world.enqueue()), ACCEPTED, PLAN, EXCHANGE)
    found = Readings(world.scripts).minutes(world.now_us / 1e6 - 300, world.now_us / 1e6)

    assert add_up(found.values()).requests["sendQuickSMS", "accepted", ""] == 1


def test_two_workers_that_fold_at_once_add_a_minute_once(world: World) -> None:
    world.claims.settle(world.claim(world.enqueue()), ACCEPTED, PLAN, EXCHANGE)
    before = read(world).fields
    minute = world.now_us // 60_000_000
    for _ in range(2):
        world.scripts.run("fold", 1000, minute, pack({}), '{"f|123": 1, "k|375": 1}')

    assert read(world).fields == before


def test_a_packed_minute_that_cannot_be_read_is_empty() -> None:
    assert unpack("no base85: \x00") == {}
    assert unpack(pack({"p|bulk": 3})) == {"p|bulk": 3}


def test_a_clock_that_is_set_back_adds_to_a_minute_that_was_folded(world: World) -> None:
    minute = world.now_us // 60_000_000
    jobs = [world.enqueue() for _ in range(2)]
    for job in jobs:
        world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
        world.pass_s(180)
        fold_all(world)
        # Redis' own clock: the ledger's goes on, minutes are the world's.
        world.now_us -= 180_000_000
    world.pass_s(400)
    fold_all(world)

    found = Readings(world.scripts).minutes(minute * 60, minute * 60)
    assert found[minute].parts == read(world).parts == {"normal": 4}


def test_pages_that_follow_wait_no_longer_than_they_do(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=5)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
    world.pass_s(6)
    poll = world.claim_poll()
    full = PageFacts(exchange=POLLED)
    rows = [ReportRow(f"37529{1234567 + i}", "sent", None) for i in range(2)]
    world.polls.apply_page(poll, rows, next_offset=2, next_in_s=None, facts=full)
    before = read(world).slot_wait["poll"]
    world.pass_s(2)
    world.take()

    assert read(world).slot_wait["poll"].sum_ms - before.sum_ms == 2000


def test_a_request_for_reports_counts_also_where_another_poll_has_taken_over(world: World) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
    stale = world.poll_of(job)
    stale = replace(stale, number=stale.number - 1)
    facts = PageFacts(exchange=POLLED)
    rows = [ReportRow("375291234567", "sent", None)] * (SLICE_ROWS + 1)
    assert world.polls.apply_page(stale, rows, next_offset=0, next_in_s=1, facts=facts) is None

    assert read(world).polls == 1


def test_a_pause_before_another_attempt_is_no_wait_for_a_slot(world: World) -> None:
    job = world.enqueue()
    later = Verdict(state=JobState.WAITING, delay_s=60, error="503", error_class="temporary")
    world.claims.settle(world.claim(job), later, PLAN, BUSY)
    world.pass_s(61)
    world.recover()
    world.pass_s(3)
    world.claim(job)

    assert read(world).slot_wait["normal"].sum_ms == 3000


class MeasuredLife(Life):
    """Quick jobs in any order of claims, answers, repeats, dead workers and folded minutes."""

    @initialize()
    def begin(self) -> None:
        self.expected: Counter[tuple[str, str, str]] = Counter()
        self.parts = self.first = 0
        self.claims: list[Claim] = []
        self.told: list[tuple[Claim, Verdict, Exchange]] = []
        self.jobs: set[str] = set()

    @rule()
    def enqueue(self) -> None:
        self.world.enqueue()

    @rule()
    def claim(self) -> None:
        taken = self.world.take()
        if isinstance(taken, Claim):
            self.claims.append(taken)
            self.first += taken.job_id not in self.jobs
            self.jobs.add(taken.job_id)

    @rule(
        data=st.data(), how=st.sampled_from([(ACCEPTED, EXCHANGE), (LATER, BUSY), (UNKNOWN, LOST)])
    )
    def settle(self, data: st.DataObject, how: tuple[Verdict, Exchange]) -> None:
        if not self.claims:
            return
        claim = data.draw(st.sampled_from(self.claims))
        self.claims.remove(claim)
        self.world.claims.settle(claim, how[0], PLAN, how[1])
        self.told.append((claim, *how))
        self.expected["sendQuickSMS", how[1].outcome, how[1].reason] += 1
        self.parts += how[1].parts

    @rule(data=st.data())
    def settle_again(self, data: st.DataObject) -> None:
        if self.told:
            claim, verdict, exchange = data.draw(st.sampled_from(self.told))
            self.world.claims.settle(claim, verdict, PLAN, exchange)

    @rule()
    def let_workers_die(self) -> None:
        self.world.pass_s(61)
        self.world.recover()
        self.expected["sendQuickSMS", "unknown", "lease"] += len(self.claims)
        self.claims.clear()

    @rule()
    def fold(self) -> None:
        fold_all(self.world)

    @invariant()
    def is_exact(self) -> None:
        found = read(self.world)
        assert found.requests == +self.expected
        assert found.parts.get("normal", 0) == self.parts
        times = found.enqueue_to_request.get("normal")
        assert (times.count if times else 0) == self.first


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_whatever_happens_is_counted_once(settings: Settings) -> None:
    live(MeasuredLife, settings, profile(examples=10, on_fakeredis=3, steps=20, deep=100))
