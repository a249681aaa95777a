"""The rules of sending, explored: whatever happens to campaigns, nobody is sent to against them.

The model is the world outside: who has opted out by now, what the clock on each recipient's wall
shows, and how often the gateway accepted something for a phone on a day.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    invariant,
    rule,
)

from smsq.domain.outcomes import Verdict
from smsq.domain.quiet import QuietHours
from smsq.models import JobState, Kind, RecipientState
from smsq.names import Queue
from smsq.records.jobs import Claim
from smsq.rules.optouts import OptOuts
from smsq.rules.rules import RuleBook
from smsq.settings import Settings
from tests.smsq.life import Life, live, profile
from tests.smsq.world import PLAN

ZONES = {
    "375291234567": "Europe/Minsk",
    "375291234568": "Europe/Minsk",
    "48501234567": "Europe/Warsaw",
    "77011234567": "Asia/Almaty",
}
CAP = 1
LONGEST_WAIT_S = 26 * 3600
VERDICTS = (
    Verdict(state=JobState.ACCEPTED),
    Verdict(state=JobState.REJECTED, error="no", error_class="refused"),
    Verdict(state=JobState.WAITING, delay_s=5, error="503", error_class="temporary"),
    Verdict(state=JobState.DEAD, error="503", error_class="temporary"),
    Verdict(state=JobState.UNKNOWN, error="lost", error_class="unknown"),
)
phones = st.sampled_from(sorted(ZONES))


class RulesLife(Life):
    jobs = Bundle("jobs")
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        # The evening before clocks go back in Warsaw.
        self.world.go_to("2026-10-24T20:00")
        self.world.rule_book = RuleBook(
            self.world.scripts,
            quiet=QuietHours(time(21), time(9)),
            cap_per_day=CAP,
            home="Europe/Minsk",
        )
        self.optouts = OptOuts(self.world.scripts, self.world.settings)
        self.opted_out: set[str] = set()
        self.book: Counter[tuple[str, str]] = Counter()
        self.put: list[str] = []
        self.recipients = 0

    def local(self, phone: str) -> datetime:
        return datetime.fromtimestamp(self.world.now_us / 1e6, UTC).astimezone(
            ZoneInfo(ZONES[phone])
        )

    @rule(target=jobs, to=st.lists(phones, min_size=1, unique=True))
    def enqueue(self, to: list[str]) -> str:
        job = self.world.enqueue(
            kind=Kind.BULK, priority=Queue.BULK, phones=sorted(to), campaign="c1"
        )
        self.put.append(job)
        self.recipients += len(to)
        return job

    @rule(phone=phones)
    def opt_out(self, phone: str) -> None:
        self.optouts.add([phone])
        self.opted_out.add(phone)

    @rule(phone=phones)
    def opt_in(self, phone: str) -> None:
        self.optouts.remove([phone])
        self.opted_out.discard(phone)

    @rule(target=claims)
    def claim(self) -> tuple[Claim, dict[str, str]] | None:
        claim = self.world.take(lease_s=10 * 86400)
        if not isinstance(claim, Claim):
            return None
        to = [phone for message in claim.messages for phone in message.recipients]
        assert to
        for phone in to:
            assert phone not in self.opted_out
            assert time(9) <= self.local(phone).time() < time(21), phone
        return claim, {phone: f"{self.local(phone):%Y%m%d}" for phone in to}

    @rule(claim=claims, verdict=st.sampled_from(VERDICTS))
    def settle(self, claim: tuple[Claim, dict[str, str]] | None, verdict: Verdict) -> None:
        is_ours = claim and self.world.claims.settle(claim[0], verdict, PLAN)
        if claim and is_ours and verdict.state is JobState.ACCEPTED:
            self.book.update(claim[1].items())

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        self.world.ledger.cancel(job)

    @rule(hours=st.sampled_from([0.1, 1, 7, 13]))
    def pass_time(self, hours: float) -> None:
        self.world.pass_s(hours * 3600)
        self.world.recover()

    @invariant()
    def nobody_gets_more_than_the_cap(self) -> None:
        assert all(times <= CAP for times in self.book.values()), self.book

    @invariant()
    def the_counts_add_up(self) -> None:
        total: Counter[RecipientState] = Counter()
        redis, keys = self.world.redis, self.world.keys
        for job in self.put:
            # As the rows are: whoever reads a status sees ends that no row has.
            for n in range(1, int(str(redis.hget(keys.job(job), "messages"))) + 1):
                found: Any = redis.hmget(keys.message(job, n), list(RecipientState))
                total += Counter(
                    {s: int(v or 0) for s, v in zip(RecipientState, found, strict=True)}
                )
        assert sum(total.values()) == self.recipients
        everywhere = self.world.views.stats(1).recipients
        assert {state: n for state, n in everywhere.items() if n} == dict(total)
        if self.put:
            campaign = self.world.redis.hgetall(self.world.keys.campaign("c1"))
            of_campaign = {s: int(campaign.get(f"recipient:{s}", 0)) for s in RecipientState}
            assert of_campaign == {s: total[s] for s in RecipientState}

    @invariant()
    def who_waits_for_the_morning_is_woken_by_day(self) -> None:
        held = f"{self.world.keys.namespace}:held"
        rows: Any = self.world.redis.zrange(held, 0, -1, withscores=True)
        for job, due_ms in rows:
            moment = datetime.fromtimestamp(due_ms / 1000, UTC)
            for recipient in self.world.views.recipients(job):
                zone = ZoneInfo(ZONES[recipient.phone])
                assert time(9) <= moment.astimezone(zone).time() < time(21)

    @invariant()
    def nothing_waits_for_longer_than_a_day(self) -> None:
        for job in self.put:
            if self.world.state(job) is JobState.WAITING:
                due_ms = self.world.redis.zscore(self.world.keys.due, job)
                assert isinstance(due_ms, float)
                assert due_ms - self.world.now_ms <= LONGEST_WAIT_S * 1000


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_nobody_is_sent_to_against_the_rules_whatever_happens(settings: Settings) -> None:
    live(RulesLife, settings, PROFILE)


PROFILE = profile(examples=15, on_fakeredis=2, steps=25, deep=80)
