"""Order, explored: enqueue, claim, 429s, retries, pauses, appointments; nobody overtakes.

The model knows who came when. A stream is what has an order: a campaign's jobs, or the single jobs
of one priority. Whoever is claimed must be the first of its stream who is ready.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.names import PRIORITIES, Queue
from smsq.records.jobs import Claim
from smsq.settings import Settings
from tests.smsq.life import Life, live, profile
from tests.smsq.world import PLAN

ACCEPTED = Verdict(state=JobState.ACCEPTED)
BUSY = Verdict(state=JobState.QUEUED, error="429", error_class="busy", is_counted=False)
LATER = Verdict(state=JobState.WAITING, delay_s=3, error="500", error_class="temporary")


@dataclass
class Stream:
    """What has an order: jobs as they came."""

    jobs: list[str] = field(default_factory=list)


class OrderLife(Life):
    def __init__(self) -> None:
        super().__init__()
        self.singles = {priority: Stream() for priority in PRIORITIES}
        self.campaigns: dict[str, Stream] = {}
        self.paused: set[str] = set()
        self.claims: list[Claim] = []
        #: Jobs for a moment to come, and when that is; they join their stream then.
        self.appointments: list[tuple[int, Queue, str]] = []

    @rule(priority=st.sampled_from(PRIORITIES), count=st.integers(1, 12))
    def enqueue(self, priority: Queue, count: int) -> None:
        for _ in range(count):
            self.singles[priority].jobs.append(self.world.enqueue(priority=priority))

    @rule(
        priority=st.sampled_from(PRIORITIES),
        count=st.integers(1, 12),
        in_ms=st.sampled_from([1, 2, 1000, 5000]),
    )
    def enqueue_for_later(self, priority: Queue, count: int, in_ms: int) -> None:
        at_ms = self.world.now_ms + in_ms
        for _ in range(count):
            job = self.world.enqueue(priority=priority, due_at_ms=str(at_ms))
            self.appointments.append((at_ms, priority, job))

    @rule(jobs=st.integers(1, 12))
    def start_campaign(self, jobs: int) -> None:
        draft = self.world.start_campaign(jobs, per_job=1)
        self.campaigns[draft.id] = Stream(list(draft.job_ids))

    @rule(data=st.data(), align=st.integers(1, 5))
    def pause_or_resume(self, data: st.DataObject, align: int) -> None:
        if not self.campaigns:
            return
        campaign = data.draw(st.sampled_from(sorted(self.campaigns)))
        if campaign in self.paused:
            self.world.brakes.resume(campaign, by="me@here")
            self.paused.discard(campaign)
        elif self.world.brakes.pause(campaign, by="me@here"):
            self.paused.add(campaign)
        self.world.align(limit=align)

    @rule(ms=st.sampled_from([1, 999, 3000]))
    def pass_time(self, ms: int) -> None:
        self.world.pass_s(ms / 1000)
        while self.world.recover():
            pass
        ready = [one for one in self.appointments if one[0] <= self.world.now_ms]
        for at_ms, priority, job in sorted(ready, key=lambda one: one[0]):
            self.singles[priority].jobs.append(job)
            self.appointments.remove((at_ms, priority, job))

    @rule(count=st.integers(1, 8))
    def claim(self, count: int) -> None:
        for _ in range(count):
            claim = self.world.take()
            if not isinstance(claim, Claim):
                return
            assert self.first_ready_of(self.stream_of(claim.job_id), claim) == claim.job_id
            self.claims.append(claim)

    @rule(data=st.data(), verdict=st.sampled_from([ACCEPTED, BUSY, BUSY, LATER]))
    def settle(self, data: st.DataObject, verdict: Verdict) -> None:
        if not self.claims:
            return
        claim = self.claims.pop(data.draw(st.integers(0, len(self.claims) - 1)))
        self.world.claims.settle(claim, verdict, PLAN)

    @invariant()
    def everybody_stands_where_its_stream_says(self) -> None:
        for priority in PRIORITIES:
            key = self.world.keys.ready(priority)
            line = [str(job) for job in self.world.redis.zrange(key, 0, -1)]
            for stream in [*self.singles.values(), *self.campaigns.values()]:
                places = {job: n for n, job in enumerate(stream.jobs)}
                order = [places[job] for job in line if job in places]
                assert order == sorted(order)

    def stream_of(self, job: str) -> Stream:
        streams = [*self.singles.values(), *self.campaigns.values()]
        return next(stream for stream in streams if job in stream.jobs)

    def first_ready_of(self, stream: Stream, claim: Claim) -> str:
        """Who of a stream was ready before this claim, the first of them."""
        states = {job: self.world.state(job) for job in stream.jobs}
        ready = [job for job in stream.jobs if states[job] is JobState.QUEUED]
        return min([*ready, claim.job_id], key=stream.jobs.index)


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_nobody_overtakes_whatever_happens(settings: Settings) -> None:
    live(OrderLife, settings, profile(examples=13, on_fakeredis=3, steps=25, deep=93))
