"""Ten thousand polls by eight processes: `python -m bench.polls`.

In:  nothing. Out: one table; exit code 1 when a message was polled twice for one due time.
"""

from __future__ import annotations

import itertools
import multiprocessing
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Row, show
from smsq.delivery.polls import Polls
from smsq.domain.outcomes import Verdict
from smsq.intake.new_jobs import new_job_id
from smsq.ledger.ledger import Ledger
from smsq.models import JobState, Kind, MessageRequest
from smsq.names import Queue
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace, Slot
from smsq.records.jobs import Claim, Idempotency, Leases, NewJob, PollClaim, PollPlan
from smsq.sending.claims import Claims
from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from tests.support import RedisServer

WORKERS, MESSAGES, ROUNDS = 8, 1000, 10

#: From one poll of a message to its next due time.
PAUSE_S = 0.2
PLAN = PollPlan(first_ms=0, horizon_ms=259_200_000)
LEASES = Leases(send_ms=60_000, poll_ms=60_000)
NAMESPACE = "bench"


class Worker:
    """Ledger, polls and limiter on one connection."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url, timeout_s=30)
        self.scripts = Scripts(self.redis, NAMESPACE, retention_ms=86_400_000, events_keep_ms=0)
        self.claims, self.polls = Claims(self.scripts), Polls(self.scripts, timezone="UTC")
        self.ledger = Ledger(self.scripts)
        self.limiter = Limiter(self.scripts, Pace(rate_per_s=1_000_000, burst=1000))

    def take(self) -> Claim | PollClaim | None:
        """Whatever waits."""
        slot = self.limiter.reserve()
        if not isinstance(slot, Slot):
            return None
        claim = self.claims.claim(slot, self.limiter.pace, LEASES)
        return claim if isinstance(claim, Claim | PollClaim) else None


def accept_messages(url: str) -> None:
    """Make accepted messages that are due at once."""
    worker = Worker(url)
    message = MessageRequest(
        name="", alphaname_id="1", text="code", recipients={"375291234567": None}
    )
    for _ in range(MESSAGES):
        job = NewJob(
            id=new_job_id(),
            kind=Kind.QUICK,
            priority=Queue.NORMAL,
            fields={"on_unknown": "hold"},
            messages=[message],
        )
        worker.ledger.enqueue(job, Idempotency())
        claim = worker.take()
        assert isinstance(claim, Claim)
        worker.claims.settle(claim, Verdict(state=JobState.ACCEPTED, message_id=7), PLAN)


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll as a worker saw it; the monotonic clock is the machine's, for all processes."""

    ref: str
    at_s: float
    was_overtaken: bool


def poll(url: str, until_s: float, results: multiprocessing.Queue[list[Poll]]) -> None:
    """Poll whatever is due until nothing is due in the next minutes."""
    worker, polls = Worker(url), list[Poll]()
    while time.monotonic() < until_s:
        worker.polls.find_due(limit=100)
        claim = worker.take()
        if isinstance(claim, PollClaim):
            at_s = time.monotonic()
            pause_s = PAUSE_S if claim.number < ROUNDS else 3600
            left = worker.polls.apply_page(claim, [], next_offset=0, next_in_s=pause_s)
            polls.append(Poll(claim.ref, at_s, left is None))
        elif not worker.redis.zcount(f"{NAMESPACE}:polls", 0, (time.time() + 300) * 1000):
            break
    results.put(polls)


def find_doubled(polls: Sequence[Poll]) -> int:
    """Count polls that came before their message was due again, and those that were overtaken."""
    times_s: dict[str, list[float]] = defaultdict(list)
    for one in sorted(polls, key=lambda one: one.at_s):
        times_s[one.ref].append(one.at_s)
    # The ledger's clock has whole milliseconds.
    early = sum(
        later - earlier < PAUSE_S - 0.002
        for times in times_s.values()
        for earlier, later in itertools.pairwise(times)
    )
    return early + sum(one.was_overtaken for one in polls)


def main() -> int:
    """Poll and print the table."""
    with (
        tempfile.TemporaryDirectory(prefix="smsq-bench-") as folder,
        RedisServer(Path(folder)) as r,
    ):
        accept_messages(r.url)
        results: multiprocessing.Queue[list[Poll]] = multiprocessing.Queue()
        started_s = time.monotonic()
        arguments = (r.url, started_s + 300, results)
        workers = [multiprocessing.Process(target=poll, args=arguments) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        polls = [one for _ in workers for one in results.get()]
        took_s = time.monotonic() - started_s
        for worker in workers:
            worker.join()
    doubled = find_doubled(polls)
    row = Row(
        f"{MESSAGES} messages, each due {ROUNDS} times, in {took_s:.0f} s",
        WORKERS,
        f"{len(polls)} polls, {doubled} for a due time that another had",
        f"{MESSAGES * ROUNDS} polls, 0",
        len(polls) == MESSAGES * ROUNDS and not doubled,
    )
    return 0 if show("polls", [row]) else 1


if __name__ == "__main__":
    sys.exit(main())
