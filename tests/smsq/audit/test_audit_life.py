"""The audit trail, explored: acts at random, by the command line, the queue, operators' hands.

The model is a list of what was done: the trail holds exactly that, in its order, with the persons.
What was refused, or changed nothing, is not in it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from smsq.audit.audit import Audit
from smsq.cli import main
from smsq.domain.outcomes import Verdict
from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError
from smsq.models import BulkMessage, JobState, Settlement
from smsq.operate.controls import Controls
from smsq.operate.stuck_jobs import StuckJobs
from smsq.pacing.limiter import Limiter
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.smsq.life import Life, live, profile
from tests.smsq.world import PLAN

#: None: the command line, whose person is whoever runs it.
PERSONS = st.sampled_from([None, "anna", "boris@desk", "Ольга", "support:maria"])
PHONES = st.sampled_from(["375291234567", "375291234568", "375291234569"])
UNKNOWN = Verdict(state=JobState.UNKNOWN, error="no answer", error_class="unknown")
DEAD = Verdict(state=JobState.DEAD, error="gave up", error_class="temporary")


@dataclass
class Model:
    """What was done, and what it is about."""

    acts: list[tuple[str, str, str]] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    campaigns: dict[str, str] = field(default_factory=dict)
    stuck: dict[str, str] = field(default_factory=dict)
    optouts: set[str] = field(default_factory=set)


class AuditLife(Life):
    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.world.now_us = None  # type: ignore[assignment]  # Redis' own clock, as the others have
        settings = self.world.settings
        self.environ = {
            "SMSQ_REDIS_URL": settings.redis_url,
            "SMSQ_NAMESPACE": settings.namespace,
            "SMSQ_ALPHANAME_ID": "123",
        }
        self.queue = SmsQueue(settings=Settings.from_env(self.environ))
        self.audit = Audit(self.world.scripts)
        self.stuck_jobs = StuckJobs(settings, self.world.redis, by="nobody said")
        limiter = Limiter(self.world.scripts, self.world.limiter.pace)
        self.controls = Controls(self.world.redis, limiter, by="nobody said")

    def smsq(self, *args: str, exit_code: int = 0) -> Any:
        ran = CliRunner().invoke(main, [*args, "--json"], env=self.environ)
        assert ran.exit_code == exit_code, (args, ran.output, ran.exception)
        return json.loads(ran.stdout)

    def did(self, by: str | None, act: str, target: str) -> None:
        self.model.acts.append((by or who_am_i(), act, target))

    @initialize()
    def begin(self) -> None:
        """Jobs that are stuck; the gate and the rate are turned later."""
        for state, verdict in [("unknown", UNKNOWN)] * 3 + [("dead", DEAD)] * 2:
            job = self.world.enqueue()
            self.world.claims.settle(self.world.claim(job), verdict, PLAN)
            self.model.stuck[job] = state
        self.model.jobs = [str(self.queue.send_quick("375291234567", "hello")) for _ in range(3)]
        for _ in range(2):
            message = BulkMessage(name="Sale", text="hi", phones=["375291234567"])
            self.model.campaigns[str(self.queue.send_bulk([message]))] = ""

    @rule(by=PERSONS)
    def pause_all(self, by: str | None) -> None:
        self.smsq("pause") if by is None else self.controls.pause(by=by)
        self.did(by, "pause", "all")

    @rule(by=PERSONS)
    def resume_all(self, by: str | None) -> None:
        self.smsq("resume") if by is None else self.controls.resume(by=by)
        self.did(by, "resume", "all")

    @rule(by=PERSONS, rate=st.sampled_from([None, 5.0]))
    def set_rate(self, by: str | None, rate: float | None) -> None:
        if by is None:
            self.smsq("rate", "default" if rate is None else str(rate))
        else:
            self.controls.set_rate(rate, by=by)
        self.did(by, "rate", "all")

    @rule(by=PERSONS, which=st.integers(0, 1), what=st.sampled_from(["pause", "resume", "cancel"]))
    def steer(self, by: str | None, which: int, what: str) -> None:
        campaign = list(self.model.campaigns)[which]
        before = self.model.campaigns[campaign]
        if before == "cancel" and what != "cancel":
            with pytest.raises(InvalidMessageError):
                getattr(self.queue, what)(campaign, by=by)
            return
        if by is None:
            self.smsq(what, campaign)
        else:
            getattr(self.queue, what)(campaign, by=by)
        is_change = before != what and (what, before) != ("resume", "")
        if is_change:
            self.did(by, what, campaign)
            self.model.campaigns[campaign] = "" if what == "resume" else what

    @rule(by=PERSONS, which=st.integers(0, 2))
    def cancel(self, by: str | None, which: int) -> None:
        job = self.model.jobs[which]
        is_change = self.queue.status(job).state is not JobState.CANCELLED
        self.smsq("cancel", job) if by is None else self.queue.cancel(job, by=by)
        if is_change:
            self.did(by, "cancel", job)

    @rule(by=PERSONS, which=st.integers(0, 2))
    def reschedule(self, by: str | None, which: int) -> None:
        job, at = self.model.jobs[which], datetime.now(UTC) + timedelta(hours=1)
        if self.queue.status(job).state is JobState.CANCELLED:
            self.smsq("reschedule", job, at.isoformat(), exit_code=2)
            return
        if by is None:
            self.smsq("reschedule", job, at.isoformat())
        else:
            self.queue.reschedule(job, at, by=by)
        self.did(by, "reschedule", job)

    @rule(by=PERSONS, which=st.integers(0, 4), what=st.sampled_from(["resend", "settle", "retry"]))
    def decide(self, by: str | None, which: int, what: str) -> None:
        job = list(self.model.stuck)[which]
        is_fit = self.model.stuck[job] == ("dead" if what == "retry" else "unknown")
        if by is None:
            self.decide_by_command(job, what, is_fit=is_fit)
        else:
            options: dict[str, Any] = {"by": by, "why": "+375 29 123-45-67 rang"}
            with suppress(InvalidMessageError):
                if what == "settle":
                    self.stuck_jobs.settle(job, Settlement.FAILED, **options)
                else:
                    getattr(self.stuck_jobs, what)(job, **options)
        if is_fit:
            self.did(by, what, job)
            self.model.stuck[job] = ""

    def decide_by_command(self, job: str, what: str, *, is_fit: bool) -> None:
        if what == "retry":
            self.smsq("dead", "retry", job, exit_code=0 if is_fit else 5)
        else:
            more = ["accepted"] if what == "settle" else []
            self.smsq("unknown", what, job, *more, exit_code=0 if is_fit else 2)

    @rule(by=PERSONS, phone=PHONES, is_added=st.booleans())
    def change_optouts(self, by: str | None, phone: str, is_added: bool) -> None:
        what = "add" if is_added else "remove"
        if by is None:
            self.smsq("optout", what, phone)
        else:
            getattr(self.queue.optout, what)([phone], by=by)
        if is_added is not (phone in self.model.optouts):
            self.did(by, f"optout {what}", "1 phone")
        (self.model.optouts.add if is_added else self.model.optouts.discard)(phone)

    @rule(by=PERSONS, which=st.integers(0, 2))
    def read_in_full(self, by: str | None, which: int) -> None:
        job = self.model.jobs[which]
        if by is None:
            self.smsq("status", job, "--recipients")
        else:
            list(self.queue.recipients(job, by=by))
        self.did(by, "recipients", job)

    @rule(by=PERSONS)
    def list_optouts(self, by: str | None) -> None:
        if by is None:
            self.smsq("optout", "list")
        else:
            list(self.queue.optout.phones(by=by))
        self.did(by, "optout list", "")

    @rule(which=st.integers(0, 2), by=st.sampled_from(["", "x" * 101, "boss\x1b[0m"]))
    def act_as_nobody(self, which: int, by: str) -> None:
        with pytest.raises(InvalidMessageError, match="by: write who acts"):
            self.queue.cancel(self.model.jobs[which], by=by)

    @rule(which=st.integers(0, 2))
    def only_look(self, which: int) -> None:
        list(self.queue.recipients(self.model.jobs[which]))
        self.smsq("status", self.model.jobs[which])
        self.smsq("stats")

    @invariant()
    def the_trail_is_what_was_done(self) -> None:
        entries = self.audit.read(limit=1000)[::-1]
        assert [(one.by, one.act, one.target) for one in entries] == self.model.acts
        assert "1234567" not in str(entries)

    def teardown(self) -> None:
        verdict = self.audit.verify()
        assert (verdict.problem, verdict.entries) == ("", len(self.model.acts))
        self.queue.close()
        super().teardown()


PROFILE = profile(examples=4, on_fakeredis=2, steps=25, deep=64)


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_the_trail_holds_what_was_done_whatever_that_is(settings: Settings) -> None:
    live(AuditLife, settings, PROFILE)
