"""A ledger whose Redis has its clock set between any two calls: what waits, waits as long as ever.

The model is the true time. Whatever is done to Redis' clock, nothing ends before its time, nothing
waits longer than it has to, and no job that is to be held is claimed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, precondition, rule

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Closed, Early, Pace, Slot
from smsq.records.jobs import Claim, Leases, NoClaim
from smsq.settings import Settings
from tests.smsq.clocked import HOUR_S, TEN_YEARS_S, SteppedWorld
from tests.smsq.life import Life, live, profile
from tests.smsq.world import ACCEPTED, PLAN

LEASE_S = 30
RATE_PER_S = 10
#: Between two looks a step ahead holds the ledger's clock up or lets it run for so long.
SLACK_S = 2.0

STEPS_S = (-HOUR_S, HOUR_S, -TEN_YEARS_S, TEN_YEARS_S, -90, 90, -0.3)


@dataclass
class Known:
    """What is known of a job, in true seconds.

    Attributes:
        not_before_s: It may be claimed from then on.
        expires_at_s: It may be claimed until then.
        leased_until_s: Of its claim, while one is out.
    """

    not_before_s: float
    expires_at_s: float
    leased_until_s: float = 0.0
    claims: int = 0
    may_go_again: bool = False


class ClockLife(Life):
    world: SteppedWorld
    world_type = SteppedWorld
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.limiter = Limiter(self.world.scripts, Pace(rate_per_s=RATE_PER_S, burst=1))
        self.known: dict[str, Known] = {}
        self.told: list[Claim] = []
        self.closed_until_s = 0.0

    @property
    def now_s(self) -> float:
        return self.world.now_us / 1e6

    @rule(wait_s=st.sampled_from([0, 0, 20]), expires_in_s=st.sampled_from([None, 50, 300]))
    def enqueue(self, wait_s: int, expires_in_s: int | None) -> None:
        fields: Any = {"expires_in_ms": str(expires_in_s * 1000)} if expires_in_s else {}
        if wait_s:
            fields["due_at_ms"] = str(self.world.now_ms + wait_s * 1000)
        job = self.world.enqueue(**fields)
        self.known[job] = Known(
            not_before_s=self.now_s + wait_s,
            expires_at_s=self.now_s + (expires_in_s or float("inf")),
        )

    @rule(seconds=st.sampled_from(STEPS_S))
    def set_the_clock_of_redis(self, seconds: float) -> None:
        self.world.step(seconds)

    @rule(seconds=st.sampled_from([0.1, 1, 5, 20, 31, 400]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_s(seconds)

    @rule()
    def recover(self) -> None:
        self.world.recover()

    @rule(target=claims)
    def claim(self) -> Claim | None:
        """Hold for a slot as long as it is said, and use it."""
        slot = self.limiter.reserve()
        if isinstance(slot, Closed):
            left_s = self.closed_until_s - self.now_s
            assert slot.wait_s <= max(left_s, 0) + SLACK_S
            return None
        assert self.now_s >= self.closed_until_s - SLACK_S or slot is None
        if slot is None:
            return None
        assert slot.wait_s < SLACK_S
        self.world.pass_s(slot.wait_s)
        found = self.ask(slot)
        if isinstance(found, Early):
            assert found.wait_s < SLACK_S
            self.world.pass_s(found.wait_s)
            found = self.ask(slot)
        if not isinstance(found, Claim):
            assert isinstance(found, NoClaim)
            return None
        job = self.known[found.job_id]
        assert self.now_s >= job.not_before_s - SLACK_S
        assert self.now_s <= job.expires_at_s + SLACK_S
        if found.expires_in_s is not None:
            left_s = job.expires_at_s - self.now_s
            assert left_s - SLACK_S <= found.expires_in_s <= left_s + SLACK_S
        assert not job.claims or job.may_go_again
        job.claims, job.may_go_again = job.claims + 1, False
        job.leased_until_s = self.now_s + LEASE_S
        if slot.is_probe:
            self.limiter.pass_probe(slot)
        return found

    def ask(self, slot: Slot) -> object:
        leases = Leases(send_ms=LEASE_S * 1000, poll_ms=60_000)
        return self.world.claims.claim(slot, self.limiter.pace, leases)

    @rule(claim=claims, is_tried_again=st.booleans(), delay_s=st.sampled_from([1, 20]))
    def settle(self, claim: Claim | None, is_tried_again: bool, delay_s: int) -> None:
        if claim is None:
            return
        job = self.known[claim.job_id]
        verdict = ACCEPTED
        if is_tried_again:
            verdict = Verdict(state=JobState.WAITING, delay_s=delay_s, error="500")
        # Only what a claim says first counts.
        is_first = claim not in self.told
        if not self.world.claims.settle(claim, verdict, PLAN) or not is_first:
            return
        self.told.append(claim)
        job.leased_until_s = 0.0
        if is_tried_again:
            job.not_before_s, job.may_go_again = self.now_s + delay_s, True

    @rule(pause_s=st.sampled_from([2, 40]))
    def answer_429(self, pause_s: int) -> None:
        slot = self.limiter.reserve()
        if isinstance(slot, Slot) and self.limiter.close_busy(slot, pause_s):
            self.closed_until_s = self.now_s + pause_s

    @precondition(lambda self: self.known)
    @invariant()
    def nothing_ends_before_its_time(self) -> None:
        for job_id, job in self.known.items():
            state = self.world.state(job_id)
            if state is JobState.EXPIRED:
                assert self.now_s >= job.expires_at_s - SLACK_S
            if state is JobState.UNKNOWN:
                assert job.leased_until_s
                assert self.now_s >= job.leased_until_s - SLACK_S

    def teardown(self) -> None:
        # Every wait ends: leases, pauses and what is for later have passed after this.
        for _ in range(3):
            self.world.pass_s(60)
            while self.world.recover():
                pass
        for job_id, job in self.known.items():
            state = self.world.state(job_id)
            assert state not in {JobState.SUBMITTING, JobState.WAITING}
            if state is JobState.QUEUED:
                assert self.now_s <= job.expires_at_s + SLACK_S
        assert isinstance(self.limiter.reserve(), Slot | None)
        super().teardown()


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_nobody_notices_whatever_is_done_to_the_clock_of_redis(settings: Settings) -> None:
    live(ClockLife, settings, PROFILE)


PROFILE = profile(examples=15, on_fakeredis=3, steps=30, deep=108)
