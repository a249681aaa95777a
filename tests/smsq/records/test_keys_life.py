"""Idempotency keys, explored: whatever becomes of a message, its key lives as long, and no longer.

The model is what the key names, and the gateway's own book. Callers repeat their call at any time,
with and without `again`, for a quick job, a gathered send or a campaign of two jobs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.errors import KeyConflictError, NotFoundError
from smsq.intake.new_jobs import digest, new_job_id
from smsq.ledger.stored_id import StoredId
from smsq.models import JobState, Kind, MessageRequest
from smsq.names import Queue
from smsq.records.jobs import Claim, Idempotency, NewJob
from smsq.settings import Settings
from smsq.status.gathered_sends import read_own_id
from tests.smsq.gathering.test_gathering import new_send
from tests.smsq.life import Life, live, profile
from tests.smsq.world import ACCEPTED, PLAN, RETENTION_MS, UNKNOWN

LEASE_S = 30
KEY = digest("order 7")
PHONES = ["375291234567", "375291234568"]
UNSENT = {JobState.CANCELLED, JobState.EXPIRED, JobState.REJECTED, JobState.DEAD}

OUTCOMES = st.sampled_from(["accepted", "lost", "stalled", "waiting", "rejected", "dead"])

#: A job and a phone of it.
Ref = tuple[str, str]


class KeysLife(Life):
    def __init__(self) -> None:
        super().__init__()
        self.kind = "quick"
        self.named: StoredId | None = None
        #: All that the key named since it was new last.
        self.chain: list[str] = []
        #: How often the gateway took a message, and whose claims (job, number) nobody was told of.
        self.book: Counter[Ref] = Counter()
        self.doubts: dict[tuple[str, int], set[Ref]] = {}
        self.stalled: list[Claim] = []

    @initialize(
        kind=st.sampled_from(["quick", "send", "campaign"]),
        expires_in_s=st.sampled_from([None, None, 40]),
    )
    def begin(self, kind: str, expires_in_s: float | None) -> None:
        self.kind = kind
        self.call(expires_in_s)

    def refs_of(self, some_id: str) -> Iterator[Ref]:
        """Each recipient that an id stands for."""
        if own_id := read_own_id(some_id):
            yield own_id.job_id, PHONES[0]
        elif self.kind == "campaign":
            jobs = self.world.redis.lrange(self.world.keys.campaign_jobs(some_id), 0, -1)
            yield from ((str(job), phone) for job in jobs for phone in PHONES)
        else:
            yield some_id, PHONES[0]

    @property
    def in_doubt(self) -> set[Ref]:
        return set().union(*self.doubts.values())

    def is_there(self) -> bool:
        try:
            return self.named is not None and bool(self.world.state(self.named))
        except NotFoundError:
            return False

    def put(self, *, is_again: bool, expires_in_s: float | None = None) -> StoredId:
        ledger, once = self.world.ledger, Idempotency(key=KEY, content="c", is_again=is_again)
        fields = {"on_unknown": "hold"}
        message = MessageRequest(
            name="Order", alphaname_id="1", text="sent", recipients={PHONES[0]: None}
        )
        if self.kind == "send":
            send = new_send(self.world, 0, expires_in_s=expires_in_s)
            return ledger.gather(replace(send, phone=PHONES[0]), once)[0]
        if self.kind == "campaign":
            earlier = self.world.staging.find_earlier(KEY, is_again=is_again)
            draft = CampaignDraft(
                self.world.staging, fields=fields, max_recipients=1, key=KEY, earlier=earlier
            )
            draft.start_message(message)
            for phone in PHONES:
                draft.add(phone, None)
            return draft.commit(Idempotency(key=KEY, is_again=draft.is_again))
        if expires_in_s:
            fields["expires_in_ms"] = str(round(expires_in_s * 1000))
        job = NewJob(
            id=new_job_id(),
            kind=Kind.QUICK,
            priority=Queue.NORMAL,
            fields=fields,
            messages=[message],
        )
        return ledger.enqueue(job, once)

    @rule(expires_in_s=st.sampled_from([None, None, 40]))
    def call(self, expires_in_s: float | None) -> None:
        """As the first call, or as its repetition."""
        is_there = self.is_there()
        stored = self.put(is_again=False, expires_in_s=expires_in_s)
        assert stored.is_new is not is_there
        assert stored.state == self.world.state(stored)
        if is_there:
            assert stored == self.named
        else:
            self.named, self.chain = stored, [stored]

    @rule()
    def call_again(self) -> None:
        if self.named is None or not self.is_there():
            return
        refs = set(self.refs_of(self.named))
        states = {self.world.state(self.named)}
        if self.kind == "campaign":
            states = set(self.world.campaign(self.named).jobs)
        try:
            stored = self.put(is_again=True)
        except KeyConflictError:
            may_be_tried = self.kind == "campaign" and JobState.DEAD in states
            assert may_be_tried or not states <= UNSENT or refs & self.in_doubt, states
            return
        assert stored.is_new
        assert stored != self.named
        assert not any(self.book[ref] for ref in refs)
        assert not refs & self.in_doubt
        self.named = stored
        self.chain.append(stored)

    @rule(times=st.integers(1, 2), outcome=OUTCOMES)
    def attempt(self, times: int, outcome: str) -> None:
        """Workers take what waits; a stalled one may come back late."""
        self.world.pass_s(3)
        self.world.recover()
        for _ in range(times):
            if isinstance(claim := self.world.take(lease_s=LEASE_S), Claim):
                self.end(claim, outcome)

    def end(self, claim: Claim, outcome: str) -> None:
        refs = {(claim.job_id, phone) for phone in claim.messages[0].recipients}
        if outcome == "stalled":
            self.doubts[claim.job_id, claim.number] = refs
            self.stalled.append(claim)
        elif outcome == "lost":
            self.doubts[claim.job_id, claim.number] = refs
            self.world.claims.settle(claim, UNKNOWN, PLAN)
        elif outcome == "accepted":
            self.book.update(refs)
            self.world.claims.settle(claim, ACCEPTED, PLAN)
        else:
            verdict = Verdict(state=JobState(outcome), delay_s=5, error="500")
            self.world.claims.settle(claim, verdict, PLAN)

    @rule(accepts=st.booleans(), is_told=st.booleans())
    def reach_the_gateway(self, accepts: bool, is_told: bool) -> None:
        """What a stalled worker wrote arrives, and its answer comes back or does not."""
        if not self.stalled:
            return
        claim = self.stalled.pop()
        if accepts:
            self.book.update((claim.job_id, phone) for phone in claim.messages[0].recipients)
        if is_told:
            del self.doubts[claim.job_id, claim.number]
            verdict = ACCEPTED if accepts else Verdict(state=JobState.WAITING, delay_s=5, error="")
            self.world.claims.settle(claim, verdict, PLAN)

    @rule(what=st.sampled_from(["failed", "accepted", "retry"]))
    def operate(self, what: str) -> None:
        """An operator who knows the gateway's book; also for what the key named before."""
        on_their_way = {claim.job_id for claim in self.stalled}
        for some_id in self.chain:
            for job in {job for job, _ in self.refs_of(some_id)} - on_their_way:
                was_accepted = any(n for (sent, _), n in self.book.items() if sent == job)
                if was_accepted is (what == "accepted"):
                    plan = (PLAN.first_ms, PLAN.horizon_ms)
                    told = self.world.scripts.run("stuck_job", job, what, "ops@host", "", *plan)
                    if what == "failed" and told[0] == "ok":
                        self.doubts = {ref: d for ref, d in self.doubts.items() if ref[0] != job}

    @rule()
    def retry_what_was_sent_again(self) -> None:
        """What is dead is sent again under its key, and an operator retries the dead one, too."""
        self.attempt(1, "dead")
        self.call_again()
        self.operate("retry")
        self.attempt(2, "accepted")

    @rule()
    def send_again_what_an_older_ledger_called_dead(self) -> None:
        """Dead jobs could be in doubt once, and nobody knows of which claim."""
        if self.named is None or not self.is_there() or self.kind == "campaign":
            return
        self.attempt(1, "dead")
        if self.world.state(self.named) is JobState.DEAD:
            [(job, phone)] = self.refs_of(self.named)
            self.world.redis.hset(self.world.keys.job(job), "may_be_out", 1)
            self.doubts[job, 1] = {(job, phone)}
            self.call_again()

    @rule()
    def cancel(self) -> None:
        if self.named is None or not self.is_there():
            return
        if self.kind == "campaign":
            self.world.brakes.cancel(self.named, by="ops@host")
            self.world.align()
        else:
            self.world.ledger.cancel(self.named)

    @rule(is_paused=st.booleans())
    def hold_up(self, is_paused: bool) -> None:
        """A campaign is paused, or goes on; a quick job is put off for a year."""
        if self.named is None or not self.is_there() or self.kind == "send":
            return
        if self.kind == "quick":
            self.world.scripts.run("reschedule", self.named, 365 * 86_400_000, "me@here", "")
            return
        brake = self.world.campaign(self.named).brake
        if is_paused and not brake:
            self.world.brakes.pause(self.named, by="ops@host")
        elif brake and brake.state != "cancelled":
            self.world.brakes.resume(self.named, by="ops@host")
        self.world.align()

    @rule()
    def receive_receipt(self) -> None:
        for job, phone in self.refs_of(self.named or "j0"):
            is_there = self.world.redis.exists(self.world.keys.job(job))
            if is_there and self.book[job, phone]:
                self.world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    @rule(seconds=st.sampled_from([3, 31, PLAN.horizon_ms // 1000, RETENTION_MS // 1000]))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_s(seconds)
        self.world.recover()
        self.world.align()

    @invariant()
    def the_key_is_there_as_long_as_what_it_names(self) -> None:
        name = self.world.keys.idempotency(KEY)
        assert bool(self.world.redis.exists(name)) is self.is_there()
        assert self.world.redis.pttl(name) in {-1, -2}  # for ever, or not there

    @invariant()
    def nothing_is_accepted_twice_under_one_key(self) -> None:
        refs = {ref for some_id in self.chain for ref in self.refs_of(some_id)}
        accepted = Counter(dict.fromkeys(PHONES, 0))
        for job, phone in refs:
            accepted[phone] += self.book[job, phone]
        assert max(accepted.values()) <= 1

    @invariant()
    def what_may_be_out_is_not_called_unsent(self) -> None:
        for job, number in self.doubts:
            is_there = self.world.redis.exists(self.world.keys.job(job))
            if is_there and number > 1:
                assert self.world.state(job) not in UNSENT

    @invariant()
    def a_campaigns_counts_are_those_of_all_its_recipients(self) -> None:
        if self.named and self.kind == "campaign" and self.is_there():
            found = self.world.campaign(self.named)
            assert sum(found.counts.values()) == sum(found.jobs.values()) == len(PHONES)
            assert found.settled <= len(PHONES)


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_a_key_guards_its_message_as_long_as_that_is_in_the_ledger(settings: Settings) -> None:
    live(KeysLife, settings, PROFILE)


PROFILE = profile(examples=13, on_fakeredis=3, steps=30, deep=77)
