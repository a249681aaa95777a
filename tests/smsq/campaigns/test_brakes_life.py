"""A campaign's brakes, explored: every move at any moment, among claims, answers, crashes, reports.

The model is what was asked for: whatever happens, nothing of a campaign that is held up is claimed,
the counts are the sum of what the ledger holds, each job has a next step, and once aligned no job
stands where its campaign's brake does not want it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError
from smsq.models import FINAL_JOB_STATES, JobState, RecipientState, ReportRow
from smsq.records.jobs import Claim
from smsq.settings import Settings
from smsq.status.status import BrakeState, end_unsent, read_recipient
from tests.smsq.life import Life, live, profile
from tests.smsq.world import ACCEPTED, PLAN

LEASE_S, EXPIRES_S = 30, 600
PER_JOB, JOBS, CANARY_JOBS = 25, 8, 2
BY = "ops@host"

VERDICTS = {
    "accepted": ACCEPTED,
    "429": Verdict(state=JobState.QUEUED, error="429", error_class="busy", is_counted=False),
    "500": Verdict(state=JobState.WAITING, delay_s=5, error="500", error_class="temporary"),
    "lost": Verdict(state=JobState.WAITING, delay_s=5, error="lost", error_class="unknown"),
    "400": Verdict(state=JobState.REJECTED, error="400", error_class="refused"),
    "dead": Verdict(state=JobState.DEAD, error="gave up", error_class="temporary"),
}
OPEN = {JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING}
UNSENT = {JobState.REJECTED, JobState.DEAD, JobState.CANCELLED, JobState.EXPIRED}


@dataclass
class Model:
    """What was asked for, and what was seen."""

    id: str = ""
    jobs: list[str] = field(default_factory=list)
    canary: list[str] = field(default_factory=list)
    bound: float | None = None
    is_cancelled: bool = False
    polls: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)


class BrakesLife(Life):
    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.claims: list[Claim] = []
        self.lost: list[Claim] = []

    @initialize(
        has_canary=st.booleans(),
        bound=st.sampled_from([None, 0.1, 0.5]),
        expires=st.booleans(),
    )
    def start(self, has_canary: bool, bound: float | None, expires: bool) -> None:
        fields: dict[str, Any] = (
            {"expires_at_ms": str(self.world.now_ms + EXPIRES_S * 1000)} if expires else {}
        )
        draft = self.world.start_campaign(
            PER_JOB * JOBS,
            per_job=PER_JOB,
            canary=PER_JOB * CANARY_JOBS if has_canary else None,
            max_failed=bound,
            on_unknown="resend",
            **fields,
        )
        self.model = Model(
            id=draft.id,
            jobs=draft.job_ids,
            canary=draft.job_ids[:CANARY_JOBS],
            bound=bound or (0.1 if has_canary else None),
        )

    def brake(self) -> BrakeState | None:
        brake = self.world.campaign(self.model.id).brake
        return brake.state if brake else None

    @rule(times=st.integers(1, 4))
    def claim(self, times: int) -> None:
        for _ in range(times):
            held_by = self.brake()
            claim = self.world.take(lease_s=LEASE_S)
            if not isinstance(claim, Claim):
                return
            if held_by is BrakeState.CANARY:
                assert claim.job_id in self.model.canary
            else:
                assert held_by is None
            assert not self.model.is_cancelled
            self.claims.append(claim)
            self.model.doubts[claim.job_id] += 1

    @precondition(lambda self: self.claims)
    @rule(answer=st.sampled_from([*VERDICTS, "accepted", "accepted"]), place=st.integers(0, 3))
    def settle(self, answer: str, place: int) -> None:
        """The answer comes in any order, perhaps long after the lease ended."""
        self.tell(self.claims.pop(place % len(self.claims)), answer)

    def tell(self, claim: Claim, answer: str) -> None:
        self.world.claims.settle(claim, VERDICTS[answer], PLAN)
        if answer == "lost":
            self.lost.append(claim)
        else:
            self.model.doubts[claim.job_id] -= 1

    @precondition(lambda self: self.claims)
    @rule(answers=st.lists(st.sampled_from(["500", "400", "dead", "429"]), min_size=1, max_size=3))
    def lose_and_send_again(self, answers: list[str]) -> None:
        """An answer is lost; the attempts after it, of this job and others, come to something."""
        self.tell(self.claims.pop(), "lost")
        self.world.pass_s(5)
        self.world.recover()
        for answer in answers:
            self.claim(1)
            if self.claims:
                self.tell(self.claims.pop(), answer)

    @precondition(lambda self: self.lost)
    @rule(answer=st.sampled_from(["accepted", "500", "400"]), place=st.integers(0, 3))
    def answer_after_all(self, answer: str, place: int) -> None:
        """What was given up for lost is told, whatever became of the job and the campaign since."""
        claim = self.lost.pop(place % len(self.lost))
        self.world.claims.settle(claim, VERDICTS[answer], PLAN)
        self.model.doubts[claim.job_id] -= 1

    @rule(job=st.integers(0, JOBS - 1), what=st.sampled_from(["retry", "resend"]))
    def operate(self, job: int, what: str) -> None:
        """Nothing of a cancelled campaign is sent again, and `retry` sends nothing in doubt."""
        job_id = self.model.jobs[job]
        answer = self.world.scripts.run("stuck_job", job_id, what, BY, "", 1000, 2000)
        if answer[0] == "ok":
            assert not self.model.is_cancelled
            assert what == "resend" or not self.model.doubts[job_id]

    @precondition(lambda self: self.claims)
    @rule()
    def crash(self) -> None:
        self.claims.pop()

    @rule(job=st.integers(0, JOBS - 1), failed=st.sampled_from([0, 0, 1, 5, PER_JOB]))
    def report(self, job: int, failed: int) -> None:
        """All of a job's recipients are final at once, some of them undelivered."""
        job_id = self.model.jobs[job]
        if self.world.state(job_id) is not JobState.ACCEPTED:
            return
        poll = self.world.poll_of(job_id)
        phones = sorted(r.phone for r in self.world.views.recipients(job_id))
        words = ["undelivered"] * failed + ["delivered"] * (len(phones) - failed)
        rows = [ReportRow(phone, word, None) for phone, word in zip(phones, words, strict=True)]
        self.world.polls.apply_page(poll, rows, next_offset=0, next_in_s=5)

    @rule()
    def pause(self) -> None:
        held_by = self.brake()
        if self.model.is_cancelled:
            with pytest.raises(InvalidMessageError):
                self.world.brakes.pause(self.model.id, by=BY)
            return
        is_changed = self.world.brakes.pause(self.model.id, by=BY)
        assert not self.world.brakes.pause(self.model.id, by=BY)
        assert is_changed == (self.brake() is not held_by)

    @rule(is_anyway=st.booleans())
    def resume(self, is_anyway: bool) -> None:
        held_by = self.brake()
        if self.model.is_cancelled:
            return
        self.world.brakes.resume(self.model.id, by=BY, is_anyway=is_anyway)
        assert self.brake() in {None, BrakeState.CANARY}
        assert not is_anyway or self.brake() is None
        if "max_failed_ppm" not in self.campaign_hash():
            self.model.bound = None
            assert held_by in {BrakeState.STOPPED, BrakeState.CANARY, BrakeState.PAUSED, None}

    @precondition(lambda self: not self.model.is_cancelled)
    @rule(really=st.integers(0, 3))
    def cancel(self, really: int) -> None:
        """Now and then: nothing comes after it."""
        if really == 0:
            self.model.is_cancelled = self.world.brakes.cancel(self.model.id, by=BY)

    @rule(limit=st.integers(1, 3))
    def align_a_little(self, limit: int) -> None:
        self.world.brakes.align(self.model.id, limit=limit)

    @rule(limit=st.sampled_from([2, 3, 100]))
    def align(self, limit: int) -> None:
        self.world.align(limit=limit)
        held_by = self.brake()
        for job_id, job in self.look()[0].items():
            is_held = held_by is not None
            if held_by is BrakeState.CANARY and job_id in self.model.canary:
                is_held = False
            assert not (is_held and job["state"] == "queued"), job_id
            assert is_held or "is_parked" not in job, job_id
            is_called_off = held_by is BrakeState.CANCELLED
            assert not (is_called_off and job["state"] in {"waiting", "dead"}), job_id

    @rule(seconds=st.sampled_from([1, 6, 31, 700]))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_s(seconds)

    @rule()
    def recover(self) -> None:
        self.world.recover()

    def campaign_hash(self) -> dict[str, str]:
        found = self.world.redis.hgetall(self.world.keys.campaign(self.model.id))
        return {str(name): str(value) for name, value in found.items()}

    def look(self) -> tuple[dict[str, dict[str, str]], Any]:
        """Every job's hash, and the packed states of each job's recipients."""
        redis, keys = self.world.redis, self.world.keys
        pipeline = redis.pipeline(transaction=False)
        for job_id in self.model.jobs:
            pipeline.hgetall(keys.job(job_id))
            pipeline.hvals(keys.recipients(job_id, 1, 0))
        answers = pipeline.execute()
        return dict(zip(self.model.jobs, answers[::2], strict=True)), answers[1::2]

    @invariant()
    def the_ledger_is_of_one_mind(self) -> None:
        jobs, packed = self.look()
        states = {job_id: JobState(job["state"]) for job_id, job in jobs.items()}
        self.the_counts_are_the_sum_of_what_is_there(states, packed)
        self.a_canary_is_judged_when_its_last_job_is_final_and_once(states)
        self.every_job_has_a_next_step(states)
        for job_id, state in states.items():
            assert state not in UNSENT or not self.model.doubts[job_id], job_id

    def the_counts_are_the_sum_of_what_is_there(
        self, states: dict[str, JobState], packed: list[list[str]]
    ) -> None:
        campaign = self.world.campaign(self.model.id)
        recipients: Counter[RecipientState] = Counter()
        unsent: Counter[JobState] = Counter()
        for state, values in zip(states.values(), packed, strict=True):
            found = Counter(read_recipient("", value).state for value in values)
            recipients += found
            if state in UNSENT and found[RecipientState.PENDING]:
                unsent[state] += found[RecipientState.PENDING]
        assert campaign.jobs == Counter(states.values())
        assert campaign.counts == end_unsent(recipients, unsent.total())
        assert campaign.unsent == dict(unsent)
        assert campaign.recipients == PER_JOB * JOBS
        refused = unsent[JobState.REJECTED] + unsent[JobState.DEAD] + unsent[JobState.EXPIRED]
        failed = recipients[RecipientState.UNDELIVERED] + refused
        judged = failed + recipients[RecipientState.DELIVERED]
        is_over = judged >= 50 and failed > (self.model.bound or 1) * judged
        if is_over and OPEN & set(states.values()) and self.canary != "waiting":
            assert campaign.brake
            assert campaign.brake.state in {BrakeState.STOPPED, BrakeState.CANCELLED}

    @property
    def canary(self) -> str:
        return self.campaign_hash().get("canary", "")

    def a_canary_is_judged_when_its_last_job_is_final_and_once(
        self, states: dict[str, JobState]
    ) -> None:
        canary = self.canary
        if canary == "waiting":
            assert any(states[job_id] not in FINAL_JOB_STATES for job_id in self.model.canary)
        lines = self.world.redis.lrange(self.world.keys.timeline(self.model.id), 0, -1)
        verdicts = [line for line in map(str, lines) if "|canary: " in line]
        assert len(verdicts) == (canary in {"passed", "failed"})

    def every_job_has_a_next_step(self, states: dict[str, JobState]) -> None:
        due = set(self.world.redis.zrange(self.world.keys.due, 0, -1))
        ready = set(self.world.redis.zrange(self.world.keys.ready("bulk"), 0, -1))
        queued = {job_id for job_id, state in states.items() if state is JobState.QUEUED}
        assert ready == queued
        assert states.keys() - due <= queued

    def teardown(self) -> None:
        if self.model.id:
            self.align(100)
        super().teardown()


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_a_brake_holds_whatever_happens(settings: Settings) -> None:
    live(BrakesLife, settings, PROFILE)


PROFILE = profile(examples=8, on_fakeredis=2, steps=30, deep=64)
