"""A job's life, explored: claims, crashes between any two steps, stalls, late and lost news.

The model is the world outside: how often the gateway accepted each job, and what the ledger was
told of each claim. Whatever happens, a job that was not to be resent is accepted at most once, what
may be out is never said not to be, what is proven is never sent again, and no job is left without a
next step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    invariant,
    rule,
)

from smsq.domain.outcomes import Verdict
from smsq.errors import NotFoundError
from smsq.models import JobState, Kind, OnUnknown
from smsq.records.jobs import Claim
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from tests.smsq.life import Life, live, profile
from tests.smsq.world import PLAN, RETENTION_MS

LEASE_S = 30
TIMEOUT_S = 15
MAX_ATTEMPTS = 4
EXPIRES_S = 300
BY = "ops@host"
#: A job in one of these says that nobody got anything.
UNSENT = {JobState.REJECTED, JobState.DEAD, JobState.CANCELLED, JobState.EXPIRED}


@dataclass
class Worker:
    """A worker that holds a claim: what it knows, and what the gateway did for it.

    Attributes:
        is_certain: The ledger was told whether its request was accepted.
    """

    claim: Claim
    leased_at_ms: int
    has_sent: bool = False
    was_accepted: bool = False
    is_alive: bool = True
    is_lost: bool = False
    is_certain: bool = False


class JobLife(Life):
    jobs = Bundle("jobs")
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        self.book: Counter[str] = Counter()
        self.may_resend: dict[str, bool] = {}
        self.expires_at_ms: dict[str, int] = {}
        self.taken_back: set[str] = set()
        self.proven: set[str] = set()
        self.forgotten: set[str] = set()  # an operator said that nobody got it
        self.sent: list[Worker] = []
        self.optouts = OptOuts(self.world.scripts, self.world.settings)

    @rule(
        target=jobs,
        on_unknown=st.sampled_from(OnUnknown),
        wait_s=st.sampled_from([0, 5]),
        expires=st.booleans(),
    )
    def enqueue(self, on_unknown: OnUnknown, wait_s: int, expires: bool) -> str:
        expires_at_ms = self.world.now_ms + (EXPIRES_S if expires else 10**7) * 1000
        job = self.world.enqueue(
            kind=Kind.BULK,
            phones=[f"37529{1234567 + len(self.may_resend)}"],
            on_unknown=on_unknown,
            due_at_ms=str(self.world.now_ms + wait_s * 1000),
            expires_at_ms=str(expires_at_ms),
        )
        self.may_resend[job] = on_unknown is OnUnknown.RESEND
        self.expires_at_ms[job] = expires_at_ms
        return job

    @rule(target=workers)
    def claim(self) -> Worker | None:
        claim = self.world.take(lease_s=LEASE_S)
        if not isinstance(claim, Claim):
            return None
        assert claim.job_id not in self.proven | self.taken_back
        assert self.expires_at_ms[claim.job_id] > self.world.now_ms
        worker = Worker(claim, self.world.now_ms)
        self.sent.append(worker)
        return worker

    @rule(worker=workers, accepts=st.booleans())
    def send(self, worker: Worker | None, accepts: bool) -> None:
        """The request goes out, unless too little of the lease is left for a whole one."""
        if worker is None or worker.has_sent or not worker.is_alive or worker.is_certain:
            return
        if self.world.now_ms - worker.leased_at_ms > (LEASE_S - TIMEOUT_S) * 1000:
            return
        worker.has_sent = True
        if accepts:
            worker.was_accepted = True
            self.book[worker.claim.job_id] += 1

    @rule(worker=workers, delay_s=st.sampled_from([0, 5]))
    def lose_answer(self, worker: Worker | None, delay_s: int) -> None:
        """Its loss is noticed; now, or long after the lease ended."""
        if worker is None or not worker.is_alive or not worker.has_sent or worker.is_certain:
            return
        state = JobState.UNKNOWN
        if worker.claim.on_unknown is OnUnknown.RESEND and worker.claim.attempts < MAX_ATTEMPTS:
            state = JobState.WAITING
        lost = Verdict(state=state, delay_s=delay_s, error="no answer", error_class="unknown")
        self.world.claims.settle(worker.claim, lost, PLAN)

    @rule(
        worker=workers,
        no=st.sampled_from([JobState.WAITING, JobState.QUEUED, JobState.REJECTED]),
        is_repeated=st.booleans(),
    )
    def settle(self, worker: Worker | None, no: JobState, is_repeated: bool) -> None:
        """The answer comes; perhaps after it was given up, or after all that followed."""
        if worker is None or not worker.is_alive or worker.is_certain:
            return
        verdict = Verdict(state=no, delay_s=5, error="no", error_class="temporary")
        if no is JobState.QUEUED:
            verdict = replace(verdict, is_counted=False)
        elif no is JobState.WAITING and worker.claim.attempts >= MAX_ATTEMPTS:
            verdict = replace(verdict, state=JobState.DEAD)
        if worker.was_accepted:
            verdict = Verdict(state=JobState.ACCEPTED)
        worker.is_certain = True
        self.world.claims.settle(worker.claim, verdict, PLAN)
        if worker.was_accepted:
            self.note_proof(worker.claim.job_id)
        if is_repeated:
            state = self.state(worker.claim.job_id)
            assert self.world.claims.settle(worker.claim, verdict, PLAN) or not state
            assert self.state(worker.claim.job_id) is state

    @rule(worker=workers)
    def crash(self, worker: Worker | None) -> None:
        if worker is not None:
            worker.is_alive = False

    @rule(job=jobs)
    def receive_receipt(self, job: str) -> None:
        if self.book[job]:
            with suppress(NotFoundError):
                self.world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)
            self.note_proof(job)

    def note_proof(self, job: str) -> None:
        self.proven.add(job)

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        with suppress(NotFoundError):
            if self.world.ledger.cancel(job) in {JobState.CANCELLED, JobState.UNKNOWN}:
                self.taken_back.add(job)

    @rule(job=jobs, is_in=st.booleans())
    def opt_out(self, job: str, is_in: bool) -> None:
        phone = f"37529{1234567 + list(self.may_resend).index(job)}"
        (self.optouts.add if is_in else self.optouts.remove)([phone])

    @rule(job=jobs, what=st.sampled_from(["retry", "retry", "resend", "settle"]))
    def operate(self, job: str, what: str) -> None:
        """An operator retries what is dead, without a look, and knows what is unknown."""
        if what == "settle":
            what = "accepted" if self.book[job] else "failed"
            if any(worker.is_alive for worker in self.doubts(job)):
                return  # it might be sent yet
        plan = (PLAN.first_ms, PLAN.horizon_ms)
        answer = self.world.scripts.run("stuck_job", job, what, BY, "", *plan)
        if answer[0] == "ok" and what == "resend":
            self.may_resend[job] = True
        if answer[0] == "ok" and what == "accepted":
            self.note_proof(job)
        if answer[0] == "ok" and what == "failed":
            for worker in self.doubts(job):
                worker.is_certain = True

    @rule(seconds=st.sampled_from([1, 5, 16, 31, 700, 300_000, RETENTION_MS // 1000]))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_s(seconds)

    @rule()
    def recover(self) -> None:
        self.world.recover(max_attempts=MAX_ATTEMPTS)

    def doubts(self, job: str) -> list[Worker]:
        """Claims of a job of which the ledger does not know what they came to."""
        return [w for w in self.sent if w.claim.job_id == job and not w.is_certain]

    def state(self, job: str) -> JobState | None:
        """None for one whose retention is over."""
        try:
            return self.world.state(job)
        except NotFoundError:
            return None

    def states(self) -> Iterator[tuple[str, JobState]]:
        for job in self.may_resend:
            if state := self.state(job):
                yield job, state

    @invariant()
    def nothing_is_accepted_twice_unless_asked_for(self) -> None:
        for job, times in self.book.items():
            assert times <= 1 or self.may_resend[job], (job, times)

    @invariant()
    def what_may_be_out_is_never_said_not_to_be(self) -> None:
        for job, state in self.states():
            if job in self.proven:
                assert state in {JobState.ACCEPTED, JobState.DONE, JobState.SUBMITTING}, job
            elif self.doubts(job):
                assert state not in {*UNSENT, JobState.DONE}, job
            else:
                assert state is not JobState.UNKNOWN, job
        for job in self.may_resend:
            assert self.state(job) or job in self.proven or not self.doubts(job)

    @invariant()
    def what_was_taken_back_stays_so(self) -> None:
        for job in self.taken_back - self.proven:
            assert self.state(job) in {
                *{JobState.CANCELLED, JobState.UNKNOWN, JobState.REJECTED},
                None,
            }

    @invariant()
    def every_job_has_a_next_step(self) -> None:
        due = set(self.world.redis.zrange(self.world.keys.due, 0, -1))
        ready = set(self.world.redis.zrange(self.world.keys.ready("normal"), 0, -1))
        states = dict(self.states())
        queued = {job for job, state in states.items() if state is JobState.QUEUED}
        assert ready == queued
        assert due == states.keys()

    @invariant()
    def the_counts_are_the_sum_of_the_jobs(self) -> None:
        states = Counter(state for _, state in self.states())
        counted = {state: n for state, n in self.world.views.stats(10).jobs.items() if n}
        assert counted == dict(states)

    def teardown(self) -> None:
        # Whoever is still alive dies; the next ticks of recover must leave nobody in between.
        self.world.pass_s(LEASE_S)
        self.world.recover(max_attempts=MAX_ATTEMPTS)
        assert all(state is not JobState.SUBMITTING for _, state in self.states())
        super().teardown()


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_no_job_is_doubled_or_lost_whatever_happens(settings: Settings) -> None:
    live(JobLife, settings, PROFILE)


PROFILE = profile(examples=10, on_fakeredis=3, steps=30, deep=80)
