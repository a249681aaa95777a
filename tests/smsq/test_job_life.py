"""A job's life, explored: claims, crashes between any two steps, stalls, late and lost news.

The model is the gateway's own book: how often it accepted each job. Whatever happens, a job that
was not to be resent is accepted at most once, and no job is left without a next step.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    invariant,
    rule,
)

from smsq.jobs import Claim
from smsq.models import JobState, Kind, OnUnknown
from smsq.settings import Settings
from smsq.states import Verdict
from tests.smsq.life import Life, live, profile
from tests.smsq.world import PLAN

LEASE_S = 30
TIMEOUT_S = 15
MAX_ATTEMPTS = 4


@dataclass
class Worker:
    """A worker that holds a claim: what it knows, and what the gateway did for it."""

    claim: Claim
    leased_at_ms: int
    has_sent: bool = False
    was_accepted: bool = False
    is_alive: bool = True


class JobLife(Life):
    jobs = Bundle("jobs")
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        self.book: Counter[str] = Counter()
        self.may_resend: dict[str, bool] = {}

    @rule(target=jobs, on_unknown=st.sampled_from(OnUnknown), wait_s=st.sampled_from([0, 5]))
    def enqueue(self, on_unknown: OnUnknown, wait_s: int) -> str:
        due_at_ms = str(self.world.now_ms + wait_s * 1000)
        job = self.world.enqueue(kind=Kind.BULK, on_unknown=on_unknown, due_at_ms=due_at_ms)
        self.may_resend[job] = on_unknown is OnUnknown.RESEND
        return job

    @rule(target=workers)
    def claim(self) -> Worker | None:
        claim = self.world.take(lease_s=LEASE_S)
        if not isinstance(claim, Claim):
            return None
        return Worker(claim, self.world.now_ms)

    @rule(worker=workers, accepts=st.booleans())
    def send(self, worker: Worker | None, accepts: bool) -> None:
        """The request goes out, unless too little of the lease is left for a whole one."""
        if worker is None or worker.has_sent or not worker.is_alive:
            return
        if self.world.now_ms - worker.leased_at_ms > (LEASE_S - TIMEOUT_S) * 1000:
            return
        worker.has_sent = True
        if accepts:
            worker.was_accepted = True
            self.book[worker.claim.job_id] += 1

    @rule(worker=workers, is_lost=st.booleans(), delay_s=st.sampled_from([0, 5]))
    def settle(self, worker: Worker | None, is_lost: bool, delay_s: int) -> None:
        """The answer comes, or its loss is noticed; now, or long after the lease ended."""
        if worker is None or not worker.is_alive:
            return
        if not worker.has_sent:
            verdict = Verdict(state=JobState.WAITING, delay_s=delay_s, error="stalled")
        elif is_lost:
            state = JobState.UNKNOWN
            if worker.claim.on_unknown is OnUnknown.RESEND:
                state = JobState.WAITING
            verdict = Verdict(state=state, delay_s=delay_s, error="no answer")
        elif worker.was_accepted:
            verdict = Verdict(state=JobState.ACCEPTED)
        else:
            verdict = Verdict(state=JobState.WAITING, delay_s=delay_s, error="500")
        self.world.ledger.settle(worker.claim, verdict, PLAN)
        worker.is_alive = False

    @rule(worker=workers)
    def crash(self, worker: Worker | None) -> None:
        if worker is not None:
            worker.is_alive = False

    @rule(job=jobs)
    def receive_receipt(self, job: str) -> None:
        if self.book[job]:
            self.world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        self.world.ledger.cancel(job)

    @rule(seconds=st.sampled_from([1, 5, 16, 31, 700]))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_s(seconds)

    @rule()
    def recover(self) -> None:
        self.world.recover(max_attempts=MAX_ATTEMPTS)

    @invariant()
    def nothing_is_accepted_twice_unless_asked_for(self) -> None:
        for job, times in self.book.items():
            assert times <= 1 or self.may_resend[job], (job, times)

    @invariant()
    def every_job_has_a_next_step(self) -> None:
        due = set(self.world.redis.zrange(self.world.keys.due, 0, -1))
        ready = set(self.world.redis.zrange(self.world.keys.ready("normal"), 0, -1))
        queued = {job for job in self.may_resend if self.world.state(job) is JobState.QUEUED}
        assert ready == queued
        assert due == set(self.may_resend) - queued

    @invariant()
    def the_counts_are_the_sum_of_the_jobs(self) -> None:
        states = Counter(self.world.state(job) for job in self.may_resend)
        counted = {state: n for state, n in self.world.views.stats(10).jobs.items() if n}
        assert counted == dict(states)

    def teardown(self) -> None:
        # Whoever is still alive dies; the next ticks of recover must leave nobody in between.
        self.world.pass_s(LEASE_S)
        self.world.recover(max_attempts=MAX_ATTEMPTS)
        for job in self.may_resend:
            assert self.world.state(job) is not JobState.SUBMITTING
        super().teardown()


@pytest.mark.timeout(300)
def test_no_job_is_doubled_or_lost_whatever_happens(settings: Settings) -> None:
    live(JobLife, settings, PROFILE)


PROFILE = profile(examples=40, on_fakeredis=4, steps=30)
