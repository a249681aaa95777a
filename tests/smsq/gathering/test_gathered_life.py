"""Gathered jobs' lives, explored: joins, cancels, claims, crashes, expiries between any two steps.

The model is the gateway's own book, and what the ledger was told of each claim. Every send has a
text of its own, so whatever was sent twice, or although it was taken back or too late, shows there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    invariant,
    multiple,
    rule,
)

from smsq.domain.outcomes import Verdict
from smsq.errors import KeyConflictError
from smsq.models import JobState, RecipientState
from smsq.records.jobs import Claim, Idempotency
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from smsq.status.status import Status
from tests.smsq.gathering.test_gathering import MOST, job_of, new_send, phone
from tests.smsq.life import Life, live, profile
from tests.smsq.world import PLAN

LEASE_S = 30

#: A send in one of these was not sent, and nobody may say so of one that may be out.
UNSENT = {JobState.REJECTED, JobState.DEAD, JobState.CANCELLED, JobState.EXPIRED}

#: What may happen while an answer is lost; the states are those of the next attempt's answer.
WAYS = ["cancel", "cancel job", "opt out", "time", "receipt", "answer", "retry", "resend"]
WAYS += [JobState.WAITING, JobState.DEAD, JobState.REJECTED, "denial", "accepted and denied"]


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
    is_certain: bool = False  # the ledger was told whether its request was accepted
    was_denied: bool = False  # it was told a no, which may be wrong
    texts: list[str] = field(default_factory=list)


class GatheredLife(Life):
    sends = Bundle("sends")
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        self.book: Counter[str] = Counter()
        self.all: list[Send] = []
        self.all_workers: list[Worker] = []
        self.taken_back: set[str] = set()  # texts
        self.proven: set[str] = set()  # jobs of which a receipt came
        self.may_resend: set[str] = set()  # jobs
        self.optouts = OptOuts(self.world.scripts, self.world.settings)
        self.opted_out: set[str] = set()

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
        if self.world.ledger.cancel(send.own_id) in {JobState.CANCELLED, JobState.UNKNOWN}:
            self.taken_back.add(send.text)

    @rule(send=sends)
    def cancel_job(self, send: Send) -> None:
        job = job_of(send.own_id)
        if self.world.ledger.cancel(job) in {JobState.CANCELLED, JobState.UNKNOWN}:
            self.taken_back |= {one.text for one in self.all if job_of(one.own_id) == job}

    @rule(n=st.integers(0, 3), is_in=st.booleans())
    def opt_out(self, n: int, is_in: bool) -> None:
        (self.optouts.add if is_in else self.optouts.remove)([phone(n)])
        (self.opted_out.add if is_in else self.opted_out.discard)(phone(n))

    @rule(target=workers, after_tick=st.booleans())
    def claim(self, after_tick: bool) -> Any:
        return self.take(after_tick=after_tick) or multiple()

    @rule(
        target=workers,
        expiries=st.lists(st.sampled_from([None, 8, 40]), min_size=1, max_size=3),
        accepts=st.booleans(),
        ways=st.lists(st.sampled_from(WAYS), min_size=1, max_size=4),
    )
    def live_through_a_loss(
        self, expiries: list[float | None], accepts: bool, ways: list[str]
    ) -> Any:
        """An answer is lost, its sends are to be sent again, and people change their minds."""
        for n, expires_in_s in enumerate(expiries):
            self.gather(n, "g", expires_in_s)
        self.world.pass_s(5)
        worker = self.take(after_tick=True)
        if worker is None:
            return multiple()
        self.send(worker, accepts)
        self.lose_answer(worker, is_resent=True)
        one = next(send for send in self.all if send.text in worker.texts)
        for way in ways:
            self.go(way, one, worker)
            self.nothing_is_sent_twice_or_after_it_was_taken_back()
        return worker

    @rule(target=workers, is_sent_on=st.booleans(), accepts=st.booleans())
    def live_through_a_wrong_no(self, is_sent_on: bool, accepts: bool) -> Any:
        """The gateway says no and has it; one is cancelled, the others may be denied once more."""
        for n in range(2):
            self.gather(n, "g", None)
        self.world.pass_s(5)
        worker = self.take(after_tick=True)
        if worker is None:
            return multiple()
        self.send(worker, accepts=True)
        self.deny(worker, "waiting")
        one = next(send for send in self.all if send.text in worker.texts)
        self.cancel(one)
        self.world.pass_s(5)
        if is_sent_on and (again := self.take(after_tick=True)):
            self.send(again, accepts)
            self.deny(again, "waiting")
        self.receive_receipt(one)
        return worker

    def go(self, way: str, send: Send, lost: Worker) -> None:
        ways: dict[str, Callable[[], object]] = {
            "cancel": lambda: self.cancel(send),
            "cancel job": lambda: self.cancel_job(send),
            "opt out": lambda: self.opt_out(int(send.phone) - int(phone(0)), True),
            "time": lambda: self.world.pass_s(6),
            "receipt": lambda: self.receive_receipt(send),
            "answer": lambda: self.settle(lost, "waiting"),
            "retry": lambda: self.operate(send, "retry"),
            "resend": lambda: self.operate(send, "resend"),
            "denial": lambda: self.deny(lost, "waiting"),
            "accepted and denied": self.accept_and_deny,
        }
        if way in ways:
            ways[way]()
        elif again := self.take(after_tick=True):
            self.send(again, accepts=False)
            self.settle(again, way)

    def accept_and_deny(self) -> None:
        if again := self.take(after_tick=True):
            self.send(again, accepts=True)
            self.deny(again, "waiting")

    def take(self, *, after_tick: bool) -> Worker | None:
        if after_tick:
            self.world.recover()
        claim = self.world.take(lease_s=LEASE_S)
        if not isinstance(claim, Claim):
            return None
        [message] = claim.messages
        assert 0 < len(message.recipients) <= MOST
        by_text = {send.text: send for send in self.all}
        for number, text in message.recipients.items():
            send = by_text[str(text)]
            assert (send.phone, job_of(send.own_id)) == (number, claim.job_id)
            assert send.expires_at_ms > self.world.now_ms
            assert number not in self.opted_out
            assert send.text not in self.taken_back
        assert claim.job_id not in self.proven
        worker = Worker(claim, texts=[str(text) for text in message.recipients.values()])
        self.all_workers.append(worker)
        return worker

    @rule(worker=workers, accepts=st.booleans())
    def send(self, worker: Worker, accepts: bool) -> None:
        """The request goes out, unless the lease is over."""
        if worker.has_sent or not worker.is_alive or worker.is_certain:
            return
        if str(worker.claim.number) != self.newest_claim(worker.claim.job_id):
            return
        if self.world.state(worker.claim.job_id) is not JobState.SUBMITTING:
            return
        worker.has_sent, worker.was_accepted = True, accepts
        self.book.update(worker.texts if accepts else [])

    def newest_claim(self, job: str) -> str:
        return str(self.world.redis.hget(self.world.keys.job(job), "claims"))

    @rule(worker=workers, is_resent=st.booleans())
    def lose_answer(self, worker: Worker, is_resent: bool) -> None:
        """Whether it is sent again is its caller's to say: here the worker says so for them."""
        job = worker.claim.job_id
        is_newest = str(worker.claim.number) == self.newest_claim(job)
        if not worker.is_alive or not worker.has_sent or worker.is_certain or not is_newest:
            return
        is_resent = is_resent and self.world.state(job) is JobState.SUBMITTING
        state = JobState.WAITING if is_resent else JobState.UNKNOWN
        lost = Verdict(state=state, delay_s=5, error="no answer", error_class="unknown")
        self.world.claims.settle(worker.claim, lost, PLAN)
        if is_resent:
            self.may_resend.add(job)

    @rule(worker=workers, no=st.sampled_from(["waiting", "waiting", "dead", "rejected"]))
    def settle(self, worker: Worker, no: str) -> None:
        """The answer comes; perhaps after it was given up, or after all that followed."""
        if not worker.is_alive or worker.is_certain:
            return
        state = JobState.ACCEPTED if worker.was_accepted else JobState(no)
        self.tell(worker, state)

    @rule(worker=workers, no=st.sampled_from(["waiting", "dead", "rejected"]))
    def deny(self, worker: Worker, no: str) -> None:
        """The answer is a no, whatever the gateway did with the request."""
        if worker.has_sent and worker.is_alive and not worker.is_certain:
            self.tell(worker, JobState(no))

    def tell(self, worker: Worker, state: JobState) -> None:
        worker.is_certain = True
        worker.was_denied = state is not JobState.ACCEPTED
        self.world.claims.settle(worker.claim, Verdict(state=state, delay_s=5, error=""), PLAN)

    @rule(send=sends)
    def receive_receipt(self, send: Send) -> None:
        job = job_of(send.own_id)
        if any(self.book[one.text] for one in self.all if job_of(one.own_id) == job):
            self.world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)
            self.proven.add(job)

    @rule(send=sends, what=st.sampled_from(["resend", "retry"]))
    def operate(self, send: Send, what: str) -> None:
        job = job_of(send.own_id)
        answer = self.world.scripts.run("stuck_job", job, what, "ops@host", "", 1000, 2000)
        if answer[0] == "ok" and what == "resend":
            self.may_resend.add(job)

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
        for send in self.all:
            job, times = job_of(send.own_id), self.book[send.text] - self.denied(send)
            assert times <= 1 or job in self.may_resend
            state = self.world.views.status(send.own_id).state
            doubts = self.doubts(send)
            if state in UNSENT:
                assert not times, send
                assert not doubts, send
            if state is JobState.ACCEPTED:
                assert times or self.is_any_denied(job), send
            is_withheld = state is JobState.DONE
            assert not is_withheld or (not times and not doubts)
            if send.text in self.taken_back and not times and not doubts and job not in self.proven:
                assert state in UNSENT or is_withheld, send

    @invariant()
    def what_is_proven_against_every_answer_is_not_called_unsent_nor_sent_again(self) -> None:
        """Nobody knows which answer was wrong: each send that was in one of these is open."""
        for send in self.all:
            workers = [w for w in self.all_workers if w.claim.job_id == job_of(send.own_id)]
            if job_of(send.own_id) not in self.proven or not self.book[send.text]:
                continue
            if not all(w.was_denied for w in workers):
                continue
            if self.world.state(job_of(send.own_id)) is not JobState.DONE:
                assert self.world.views.status(send.own_id).state not in UNSENT, send
            once = replace(send.once, is_again=True)
            again = new_send(self.world, 0, text=send.text)
            with pytest.raises(KeyConflictError):
                self.world.ledger.gather(again, once)

    def denied(self, send: Send) -> int:
        """How often it was accepted and the answer said that it was not."""
        return sum(
            w.was_accepted and w.was_denied and send.text in w.texts for w in self.all_workers
        )

    def is_any_denied(self, job: str) -> bool:
        workers = [w for w in self.all_workers if w.claim.job_id == job]
        return any(w.was_accepted and w.was_denied for w in workers)

    def doubts(self, send: Send) -> list[Worker]:
        """Claims that had it, and of which the ledger does not know what they came to."""
        return [w for w in self.all_workers if send.text in w.texts and not w.is_certain]

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
        states = (RecipientState.PENDING, RecipientState.WITHHELD)
        assert sum(stats.recipients[state] for state in states) == sum(in_jobs.values())
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


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_no_send_is_doubled_lost_or_sent_too_late_whatever_happens(settings: Settings) -> None:
    live(GatheredLife, settings, PROFILE)


PROFILE = profile(examples=5, on_fakeredis=2, steps=25, deep=60)
