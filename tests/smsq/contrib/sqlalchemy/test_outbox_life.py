"""A life of the outbox: whatever dies and whenever, each committed row is one job, no other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from smsq.contrib.outbox.relay import LEASE_MS, Relay
from smsq.contrib.outbox.table import Row
from smsq.contrib.sqlalchemy import Outbox
from smsq.contrib.sqlalchemy.table import SqlTable
from smsq.errors import QueueUnavailableError
from smsq.ledger.stored_id import StoredMany
from smsq.models import FINAL_JOB_STATES, JobState, QuickMessage
from smsq.options import OnInvalid, Priority
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.connection import connect
from tests.smsq.life import profile
from tests.support import forget

PHONE = "+375291234567"
PRIORITIES = st.sampled_from(["urgent", "normal", "bulk"])


class KilledError(BaseException):
    """The process is gone: nobody catches this."""


class FrailQueue(SmsQueue):
    """A queue that fails when it is told to, before or after it stored something."""

    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def send_quick_many(
        self, messages: Iterable[QuickMessage], *, on_invalid: OnInvalid = "refuse"
    ) -> StoredMany:
        """Store them, unless told otherwise; a failure happens once."""
        before, after = self.before, self.after
        self.before = self.after = None
        if before:
            before()
        stored = super().send_quick_many(messages, on_invalid=on_invalid)
        if after:
            after()
        return stored


class FrailTable(SqlTable):
    """A table on a clock that tests move, whose relay may die between two transactions."""

    clock_ms = 0
    dies_after_claim = False

    def now_ms(self) -> int:
        """The tests' clock."""
        return self.clock_ms

    def claim(self, claim: str, *, now_ms: int, until_ms: int, limit: int) -> Sequence[Row]:
        """Take rows, and die where told."""
        rows = super().claim(claim, now_ms=now_ms, until_ms=until_ms, limit=limit)
        if self.dies_after_claim and rows:
            self.dies_after_claim = False
            raise KilledError
        return rows


def die() -> None:
    raise KilledError


def be_away() -> None:
    raise QueueUnavailableError("Redis did not answer")


def lose_the_answer() -> None:
    raise QueueUnavailableError("Redis did not answer", may_be_stored=True)


class OutboxLife(RuleBasedStateMachine):
    """Commits, rollbacks and relays that die, against what was committed."""

    settings: Settings

    def __init__(self) -> None:
        super().__init__()
        namespace = f"{self.settings.namespace}.{uuid.uuid4().hex[:8]}"
        environ = {"SMSQ_REDIS_URL": self.settings.redis_url, "SMSQ_NAMESPACE": namespace}
        self.queue = FrailQueue(
            settings=Settings.from_env(environ | {"SMSQ_ALPHANAME_ID": "1", "SMSQ_PER_PHONE": "0"})
        )
        self.engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        metadata = sa.MetaData()
        self.outbox = Outbox(metadata, self.queue)
        metadata.create_all(self.engine)
        self.rows = FrailTable(self.engine, self.outbox.table)
        self.rows.clock_ms = round(2e12)
        self.relay = Relay(self.rows, self.queue)
        self.committed: list[uuid.UUID] = []
        self.rolled_back: list[uuid.UUID] = []

    @rule(priority=PRIORITIES, is_committed=st.booleans(), is_delivered_now=st.booleans())
    def write(self, priority: Priority, *, is_committed: bool, is_delivered_now: bool) -> None:
        """A transaction of the app's, and perhaps a hand-over right after it."""
        n = len(self.committed) + len(self.rolled_back)
        with self.engine.connect() as connection:
            row_id = self.outbox.add(connection, PHONE, f"code {n}", priority=priority)
            if is_committed:
                connection.commit()
                self.committed.append(row_id)
            else:
                connection.rollback()
                self.rolled_back.append(row_id)
        if is_delivered_now:
            self._live_or_die(lambda: self.relay.deliver_now([row_id]))

    @rule()
    def work(self) -> None:
        """A relay's batch."""
        self._live_or_die(self.relay.turn)

    @rule()
    def restart(self) -> None:
        """Another relay, which knows nothing."""
        self.relay = Relay(self.rows, self.queue)

    @rule(seconds=st.sampled_from([1, 6, 11]))
    def pass_time(self, seconds: int) -> None:
        """Claims end."""
        self.rows.clock_ms += seconds * 1000

    @rule(does=st.sampled_from([die, be_away]))
    def fail_before(self, does: Callable[[], None]) -> None:
        """The next hand-over stores nothing."""
        self.queue.before = does

    @rule(does=st.sampled_from([die, lose_the_answer]))
    def fail_after(self, does: Callable[[], None]) -> None:
        """The next hand-over stores all, and nobody hears of it."""
        self.queue.after = does

    @rule()
    def die_after_claim(self) -> None:
        """The next relay dies with rows in its hand."""
        self.rows.dies_after_claim = True

    @invariant()
    def nothing_is_stored_twice_or_without_a_commit(self) -> None:
        """At every moment."""
        jobs = self.queue.stats().jobs
        assert jobs[JobState.QUEUED] <= len(self.committed)
        assert not any(jobs[state] for state in FINAL_JOB_STATES)

    def teardown(self) -> None:
        """In the end each committed row is one job, and no other row is there."""
        self.queue.before = self.queue.after = None
        self.rows.dies_after_claim = False
        self.rows.clock_ms += 2 * LEASE_MS
        while self.relay.turn() != pytest.approx(0.5):
            pass
        with self.engine.connect() as connection:
            table = self.outbox.table
            found = connection.execute(sa.select(table.c.id, table.c.state, table.c.job_id)).all()
        assert {row_id for row_id, _, _ in found} == set(self.committed)
        assert {state for _, state, _ in found} <= {"stored"}
        assert len({job_id for _, _, job_id in found}) == len(self.committed)
        assert self.queue.stats().jobs[JobState.QUEUED] == len(self.committed)
        self.engine.dispose()
        redis = connect(self.queue.settings.redis_url)
        forget(redis, f"{self.queue.settings.namespace}:")
        redis.close()
        self.queue.close()

    def _live_or_die(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except KilledError:
            self.restart()


@pytest.mark.machine
def test_each_committed_row_becomes_one_job_whatever_dies(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smsq.contrib.sqlalchemy.outbox.read_clock_ms", lambda _: round(2e12))
    machine = type("Machine", (OutboxLife,), {"settings": settings})
    run_state_machine_as_test(machine, settings=profile(examples=30, on_fakeredis=3, steps=25))
