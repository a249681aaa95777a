"""Campaigns, gathering, brakes, rules and polls, explored at once: alone they are tested elsewhere.

The model is the world outside: what the gateway accepted, who has opted out, what the recipients'
clocks show, and what was asked for. Whatever happens, all counts are sums of what is there, nobody
is sent to who must not be, every job has a next step, and once all is over nothing is left behind.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import time
from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from smsq.campaigns import staging
from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.models import JobState
from smsq.names import Queue
from smsq.records import packing
from smsq.records.jobs import Claim, PollClaim
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.smsq import together_checks as checks
from tests.smsq.life import live, profile
from tests.smsq.together import PAGE_ROWS, Look, day, local, look
from tests.smsq.together_callers import BY, STEPS, Callers, Worker, places, step
from tests.smsq.world import PLAN, RETENTION_MS

LEASE_S = 30
LOST = {
    "hold": Verdict(state=JobState.UNKNOWN, error="lost", error_class="unknown"),
    "resend": Verdict(state=JobState.WAITING, delay_s=5, error="lost", error_class="unknown"),
}
REFUSALS = {
    "429": Verdict(state=JobState.QUEUED, error="429", error_class="busy", is_counted=False),
    "503": Verdict(state=JobState.WAITING, delay_s=5, error="503", error_class="temporary"),
    "400": Verdict(state=JobState.REJECTED, error="400", error_class="refused"),
    "dead": Verdict(state=JobState.DEAD, error="gave up", error_class="temporary"),
    "late": Verdict(state=JobState.EXPIRED, error="not sent in time", is_counted=False),
}
WORDS = ["delivered", "delivered", "sent", "failed", "odd"]


class EverythingAtOnce(Callers):
    # What workers and beat do.

    @step(accepts=st.lists(st.sampled_from([True, True, False]), min_size=1, max_size=4))
    def claim(self, accepts: list[bool]) -> None:
        for is_accepted in accepts:
            before = look(self.world)
            claim = self.world.take(lease_s=LEASE_S)
            if isinstance(claim, PollClaim):
                self.polls.append(claim)
            elif claim:
                after = look(self.world)
                self.nobody_is_sent_to_who_must_not_be(claim, before, after)
                self.count(claim, after)
                if is_accepted:
                    self.gateway.accept(claim, after.numbers(claim.job_id))
                assert claim.job_id not in self.proven | self.taken_back
                worker = Worker(claim, is_accepted)
                self.workers.append(worker)
                self.all_workers.append(worker)

    def nobody_is_sent_to_who_must_not_be(self, claim: Claim, before: Look, after: Look) -> None:
        job = after.jobs[claim.job_id]
        assert int(job.get("expires_at_ms", self.world.now_ms + 1)) > self.world.now_ms
        to = [(phone, text) for m in claim.messages for phone, text in m.recipients.items()]
        assert to
        for phone, text in to:
            assert job["priority"] == Queue.URGENT or phone not in self.opted_out
            assert self.sandbox is None or phone in self.sandbox
            if job["kind"] == "bulk" and self.quiet:
                assert time(9) <= local(self.world, phone).time() < time(21), phone
            if "is_gathered" in job:
                own_id, expires_at_ms = self.own_ids[text or ""]
                assert own_id not in self.taken_back
                assert expires_at_ms > self.world.now_ms
                assert self.world.views.status(own_id).state is JobState.SUBMITTING
        if "campaign" in job:
            was, now = before.campaigns[job["campaign"]], after.campaigns[job["campaign"]]
            assert "brake" not in was
            # A canary whose last job ends in this claim may let others go with it.
            is_held = was.get("canary") == now.get("canary") == "waiting"
            assert not is_held or "is_canary" in job

    def count(self, claim: Claim, after: Look) -> None:
        if self.cap and after.jobs[claim.job_id]["kind"] == "bulk":
            for message in claim.messages:
                for phone in message.recipients:
                    self.counted[claim.job_id, phone] = day(self.world, phone)

    @step(which=places, refusal=st.sampled_from(sorted(REFUSALS)), lost=st.integers(0, 7))
    def settle(self, which: int, refusal: str, lost: int) -> None:
        """The answer comes in any order, perhaps long after the lease ended, or never."""
        if not self.workers:
            return
        worker = self.workers.pop(which % len(self.workers))
        if lost == 1:
            self.late.append(worker)
            self.world.claims.settle(worker.claim, LOST[worker.claim.on_unknown], PLAN)
        elif lost > 1:
            self.tell(worker, refusal)

    @step(which=places, refusal=st.sampled_from(sorted(REFUSALS)))
    def answer_after_all(self, which: int, refusal: str) -> None:
        """What was given up for lost is told, whatever became of the job since."""
        if self.late:
            self.tell(self.late.pop(which % len(self.late)), refusal)

    def tell(self, worker: Worker, refusal: str) -> None:
        claim = worker.claim
        if not worker.is_accepted:
            verdict = REFUSALS[refusal]
        else:
            ids = self.gateway.ids[claim.job_id]
            verdict = Verdict(
                state=JobState.ACCEPTED, message_id=ids[1] if claim.kind == "quick" else None
            )
            self.proven.add(claim.job_id)
        worker.is_certain = True
        self.world.claims.settle(claim, verdict, PLAN)

    @step(times=3, accepts=st.lists(st.sampled_from([True, True, False]), min_size=1, max_size=4))
    def work(self, accepts: list[bool]) -> None:
        """Send what is there, and be answered at once."""
        self.tick()
        self.claim(accepts)
        while self.workers:
            self.settle(0, "503", 2)

    @step(is_all=st.booleans(), which=places)
    def receive_receipts(self, is_all: bool, which: int) -> None:
        if not self.gateway.ids:
            return
        jobs = sorted(self.gateway.ids)
        for job_id in jobs if is_all else [jobs[which % len(jobs)]]:
            with suppress(NotFoundError):
                self.world.polls.apply_receipt(
                    job_id, b"{}", self.gateway.ids[job_id], unmatched=0, plan=PLAN
                )
                self.proven.add(job_id)

    @step(times=2, words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
    def poll(self, words: list[str]) -> None:
        """Find out what became of everything, page by page."""
        if not self.gateway.ids:
            return
        self.receive_receipts(True, 0)
        self.world.pass_s(6)
        self.world.polls.find_due(limit=100)
        self.claim([True, True])
        while self.polls:
            self.read_page(0, words, is_stored=True)
            self.claim([True])

    @step(
        which=places,
        words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
        is_stored=st.booleans(),
    )
    def read_page(self, which: int, words: list[str], is_stored: bool) -> None:
        """As smsq/steps/poll_page.py does it; what is not stored at once is, later or never."""
        if not self.polls:
            return
        poll = self.polls.pop(which % len(self.polls))
        rows = self.gateway.report(poll, words)
        next_offset, next_in_s = poll.offset + PAGE_ROWS, None
        if len(rows) < PAGE_ROWS:
            next_offset, next_in_s = 0, 60
        store = partial(
            self.world.polls.apply_page, poll, rows, next_offset=next_offset, next_in_s=next_in_s
        )
        if is_stored:
            store()
        else:
            self.pages.append(store)

    @step(which=places, is_stored=st.booleans())
    def store_page(self, which: int, is_stored: bool) -> None:
        if not self.pages:
            return
        store = self.pages.pop(which % len(self.pages))
        if is_stored:
            store()

    @step(hours=st.sampled_from([0.0003, 0.002, 0.01, 0.2, 3, 7, 13, 30, 80]))
    def pass_time(self, hours: float) -> None:
        self.world.pass_s(hours * 3600)

    @step(limit=st.integers(1, 3))
    def align_a_little(self, limit: int) -> None:
        self.world.brakes.align(limit=limit)

    @step()
    def tick(self) -> None:
        """What `smsq.recover` and `smsq.poll_deliveries` do."""
        self.world.recover()
        for _ in self.world.staging.launch_forgotten():
            pass
        self.world.staging.sweep()
        self.world.align(limit=2)
        self.world.polls.find_due(limit=100)

    @rule(which=st.integers(0, len(STEPS) - 1), data=st.data())
    def go_on(self, which: int, data: st.DataObject) -> None:
        name, arguments = STEPS[which]
        getattr(self, name)(**data.draw(arguments, label=name))

    # What must hold.

    @invariant()
    def the_ledger_is_of_one_mind(self) -> None:
        now = look(self.world)
        checks.check_counts(now)
        checks.check_messages(now)
        checks.check_next_steps(now)
        checks.check_statuses(self.world, now, [own_id for own_id, _ in self.own_ids.values()])
        if self.before:
            self.nobody_moved_back(self.before, now)
        if self.cap:
            self.give_back(now)
            checks.check_cap(self.world, self.counted)
        self.before = now

    @invariant()
    def nothing_is_accepted_twice_unless_asked_for(self) -> None:
        for (job_id, _, text), times in self.gateway.accepted.items():
            job = self.before.jobs.get(job_id, {}) if self.before else {}
            if job.get("on_unknown") == "resend":
                self.may_resend.add(job_id)
            assert times == 1 or job_id in self.may_resend, text

    @invariant()
    def what_may_be_out_is_never_said_not_to_be(self) -> None:
        if self.before is None:
            return
        taken = {(job_id, text) for job_id, _, text in self.gateway.accepted}
        taken |= {
            (worker.claim.job_id, text or "")
            for worker in self.all_workers
            if not worker.is_certain
            for message in worker.claim.messages
            for text in message.recipients.values()
        }
        own_ids = {text: own_id for text, (own_id, _) in self.own_ids.items()}
        checks.check_doubt(self.world, self.before, taken, self.proven, own_ids)

    def nobody_moved_back(self, before: Look, now: Look) -> None:
        for job_id, job in now.jobs.items():
            if job_id in before.jobs and "is_gathered" not in job:
                assert not now.has_moved_back(job_id, before), job_id

    def give_back(self, now: Look) -> None:
        """The cap counts nobody who was certainly not sent to."""
        for job_id, phone in list(self.counted):
            job = now.jobs.get(job_id)
            if job is None or {"may_be_out", "cap_stays"} & job.keys():
                continue
            letters = {p: packed[:1] for _, p, packed in now.rows(job_id)}
            is_gone = letters.get(phone, "w") == "w"
            if is_gone or now.state(job_id) in checks.UNSENT:
                self.forget_counted(job_id, [phone])

    def teardown(self) -> None:
        checks.check_no_leak(self.world, [text for _, _, text in self.gateway.accepted if text])
        self.end_all()
        checks.check_nothing_is_left(self.world)
        super().teardown()

    def end_all(self) -> None:
        """Nobody does anything more but beat, and a worker who sends what comes to its hands."""
        for campaign in self.campaigns:
            with suppress(InvalidMessageError):
                self.world.brakes.resume(campaign, by=BY, is_anyway=True)
        for _ in range(12):
            self.tick()
            self.end_unknown()
            while claim := self.world.take(lease_s=LEASE_S):
                if isinstance(claim, Claim):
                    self.world.claims.settle(claim, REFUSALS["400"], PLAN)
            self.world.pass_s(11 * 3600)
        for _ in range(3):
            self.world.pass_s(RETENTION_MS / 1000 + 1)
            self.tick()
        left = look(self.world)
        assert (left.jobs, left.messages, left.campaigns) == ({}, {}, {})
        assert not any(left.sets.values()), left.sets

    def end_unknown(self) -> None:
        for job_id in look(self.world).sets["listed:unknown"]:
            plan = (PLAN.first_ms, PLAN.horizon_ms)
            self.world.scripts.run("stuck_job", job_id, "failed", BY, "", *plan)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    # So small that every campaign is cut, in staging and in launching.
    monkeypatch.setattr(staging, "LAUNCH_JOBS", 2)
    monkeypatch.setattr(packing, "SLICE_RECIPIENTS", 2)


@pytest.mark.machine
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("small_slices")
def test_all_features_together_keep_their_promises(settings: Settings) -> None:
    live(EverythingAtOnce, settings, PROFILE)


PROFILE = profile(examples=8, on_fakeredis=1, steps=40 if HAS_REDIS else 15, deep=105)
