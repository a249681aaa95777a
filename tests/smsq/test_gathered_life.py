"""Gathered jobs' lives, explored: joins, cancels, claims, crashes, expiries between any two steps.

The model is the gateway's own book. Every send has a text of its own, so whatever was sent twice,
or although it was taken back or too late, shows there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    invariant,
    multiple,
    rule,
)

from smsq.jobs import Claim, Idempotency
from smsq.models import JobState, RecipientState
from smsq.settings import Settings
from smsq.states import Verdict
from smsq.status import Status
from tests.smsq.life import Life, live, profile
from tests.smsq.test_gathering import MOST, job_of, new_send, phone
from tests.smsq.world import PLAN

LEASE_S = 30

#: Never to be sent once a send is here.
TAKEN_BACK = {JobState.CANCELLED, JobState.EXPIRED}


@dataclass
class Send:
    """One send, as its caller knows it."""

    own_id: str
    phone: str
    text: str
    expires_at_ms: float
    once: Idempotency


@dataclass
class Worker:
    """A worker that holds a claim."""

    claim: Claim
    has_sent: bool = False
    was_accepted: bool = False
    is_alive: bool = True
    texts: list[str] = field(default_factory=list)


class GatheredLife(Life):
    sends = Bundle("sends")
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        self.book: Counter[str] = Counter()
        self.all: list[Send] = []

    @rule(
        target=sends,
        n=st.integers(0, 3),
        group=st.sampled_from(["g", "h"]),
        expires_in_s=st.sampled_from([None, 3, 40]),
    )
    def gather(self, n: int, group: str, expires_in_s: float | None) -> Send:
        text = f"text {len(self.all)}"
        once = Idempotency(key=f"key {text}", content=text)
        new = new_send(self.world, n, group=group, text=text, expires_in_s=expires_in_s)
        own_id, _ = self.world.ledger.gather(new, once)
        assert own_id.is_new
        assert own_id not in {send.own_id for send in self.all}
        expires_at_ms = self.world.now_ms + (expires_in_s or float("inf")) * 1000
        send = Send(own_id, phone(n), text, expires_at_ms, once)
        self.all.append(send)
        return send

    @rule(send=sends)
    def gather_again(self, send: Send) -> None:
        """The answer was lost, and the caller repeats the call."""
        new = new_send(self.world, 0, text=send.text)
        own_id, _ = self.world.ledger.gather(new, send.once)
        assert (own_id, own_id.is_new) == (send.own_id, False)

    @rule(send=sends)
    def cancel(self, send: Send) -> None:
        self.world.ledger.cancel(send.own_id)

    @rule(send=sends)
    def cancel_job(self, send: Send) -> None:
        self.world.ledger.cancel(job_of(send.own_id))

    @rule(target=workers, after_tick=st.booleans())
    def claim(self, after_tick: bool) -> Any:
        if after_tick:
            self.world.recover()
        claim = self.world.take(lease_s=LEASE_S)
        if not isinstance(claim, Claim):
            return multiple()
        [message] = claim.messages
        assert 0 < len(message.recipients) <= MOST
        by_text = {send.text: send for send in self.all}
        for number, text in message.recipients.items():
            send = by_text[str(text)]
            assert (send.phone, job_of(send.own_id)) == (number, claim.job_id)
            assert send.expires_at_ms > self.world.now_ms
        return Worker(claim, texts=[str(text) for text in message.recipients.values()])

    @rule(worker=workers, accepts=st.booleans())
    def send(self, worker: Worker, accepts: bool) -> None:
        """The request goes out, unless the lease is over."""
        if worker.has_sent or not worker.is_alive:
            return
        if self.world.state(worker.claim.job_id) is not JobState.SUBMITTING:
            return
        worker.has_sent, worker.was_accepted = True, accepts
        self.book.update(worker.texts if accepts else [])

    @rule(worker=workers, is_lost=st.booleans(), delay_s=st.sampled_from([0, 5]))
    def settle(self, worker: Worker, is_lost: bool, delay_s: int) -> None:
        if not worker.is_alive:
            return
        state = JobState.WAITING
        if worker.has_sent and is_lost:
            state = JobState.UNKNOWN
        elif worker.was_accepted:
            state = JobState.ACCEPTED
        verdict = Verdict(state=state, delay_s=delay_s, error="")
        self.world.ledger.settle(worker.claim, verdict, PLAN)
        worker.is_alive = False

    @rule(worker=workers)
    def crash(self, worker: Worker) -> None:
        worker.is_alive = False

    @rule(seconds=st.sampled_from([1, 3, 31]))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_s(seconds)

    @rule()
    def recover(self) -> None:
        self.world.recover()

    @invariant()
    def nothing_is_sent_twice_or_after_it_was_taken_back(self) -> None:
        assert all(times == 1 for times in self.book.values())
        for send in self.all:
            status = self.world.views.status(send.own_id)
            if status.state in TAKEN_BACK:
                assert not self.book[send.text], send
            if status.state is JobState.ACCEPTED:
                assert self.book[send.text] == 1, send

    @invariant()
    def each_send_is_in_its_own_job_and_the_counts_are_their_sum(self) -> None:
        statuses = [self.world.views.status(send.own_id) for send in self.all]
        in_jobs: Counter[str] = Counter()
        for send, status in zip(self.all, statuses, strict=True):
            in_jobs[job_of(send.own_id)] += sum(status.counts.values())
        jobs: dict[str, Status] = {job: self.world.views.status(job) for job in in_jobs}
        for job, status in jobs.items():
            size = int(str(self.world.redis.hget(self.world.keys.job(job), "size")))
            phones = [row.phone for row in self.world.views.recipients(job)]
            assert size == in_jobs[job] == sum(status.counts.values()) == len(set(phones))
        stats = self.world.views.stats(10)
        assert stats.recipients[RecipientState.PENDING] == sum(in_jobs.values())
        assert {s: n for s, n in stats.jobs.items() if n} == Counter(s.state for s in jobs.values())

    @invariant()
    def every_job_has_a_next_step_and_only_open_ones_gather(self) -> None:
        redis, keys = self.world.redis, self.world.keys
        jobs = {job_of(send.own_id) for send in self.all}
        due = set(redis.zrange(keys.due, 0, -1))
        ready = set(redis.zrange(keys.ready("normal"), 0, -1))
        queued = {job for job in jobs if self.world.state(job) is JobState.QUEUED}
        assert ready == queued
        # A queued job that may expire stands in both.
        assert jobs - queued <= due <= jobs
        open_ = {job for job in jobs if redis.hexists(keys.job(job), "is_open")}
        assert open_ == set(redis.zrange(keys.gathering, 0, -1))
        assert all(self.world.state(job) is JobState.WAITING for job in open_)

    def teardown(self) -> None:
        # Whoever is still alive dies; the next ticks of recover must leave nobody in between.
        self.world.pass_s(LEASE_S)
        self.world.recover()
        left = {self.world.views.status(send.own_id).state for send in self.all}
        assert not left & {JobState.SUBMITTING, JobState.WAITING}
        super().teardown()


@pytest.mark.timeout(300)
def test_no_send_is_doubled_lost_or_sent_too_late_whatever_happens(settings: Settings) -> None:
    live(GatheredLife, settings, PROFILE)


PROFILE = profile(examples=15, on_fakeredis=2, steps=25)
