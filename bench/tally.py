"""The reckoning: every job in the ledger against the gateway's book, job by job.

In:  what was enqueued, once everything has settled. Out: how many were accepted once, twice,
are unknown, or are lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bench.harness import Bed
from bench.producer import Producer, Sms
from smsq.models import JobState

#: The gateway has it, says the ledger.
_ACCEPTED = frozenset({JobState.ACCEPTED, JobState.DONE})

#: Nothing happens to these any more before a poll, a receipt or an operator.
SETTLED = frozenset({JobState.UNKNOWN, JobState.REJECTED, JobState.DEAD, *_ACCEPTED})

_CALLED_OFF = (JobState.CANCELLED, JobState.EXPIRED)

#: These were to be sent in time, and go on being tried.
_ON_THEIR_WAY = frozenset({JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING})

_SLICE = 1000


class Fate(StrEnum):
    """What became of one job; each has exactly one."""

    ONCE = "accepted once"
    TWICE = "twice"
    UNKNOWN = "unknown"  #: held for a receipt, a report or an operator
    LOST = "lost"  #: neither sent nor held, or called accepted though the gateway never saw it
    UNSENT = "not sent, as said"  #: called off, expired, given up or withheld; not in the book


@dataclass(frozen=True, slots=True)
class Tally:
    """The result of one scenario.

    Attributes:
        fates: Job or campaign → what became of it.
        unknown_accepted: Unknown jobs that the gateway has.
    """

    fates: Mapping[str, Fate]
    unknown_accepted: int
    lost_states: Mapping[str, int]

    def __str__(self) -> str:
        counts = {fate: self.count(fate) for fate in Fate}
        return ", ".join(f"{many} {fate}" for fate, many in counts.items() if many)

    def count(self, fate: Fate) -> int:
        """How many had it."""
        return sum(each is fate for each in self.fates.values())

    def jobs(self, fate: Fate) -> set[str]:
        """Which had it."""
        return {job for job, each in self.fates.items() if each is fate}

    @property
    def is_clean(self) -> bool:
        """True when nothing was doubled and nothing lost."""
        return not self.count(Fate.TWICE) and not self.count(Fate.LOST)

    @property
    def is_safe(self) -> bool:
        """True when nothing was doubled, and what is not sent yet still will be."""
        return not self.count(Fate.TWICE) and _ON_THEIR_WAY.issuperset(self.lost_states)


def reckon(bed: Bed, producer: Producer, *, unsent: Collection[JobState] = ()) -> Tally:
    """Compare ledger and book; `unsent` are the states in which a job may end unsent."""
    states = read_states(bed, list(producer.orders))
    book = bed.gateway.accepted()
    fates = {job: judge(states[job], sms, book, unsent) for job, sms in producer.orders.items()}
    return Tally(
        fates,
        sum(
            fate is Fate.UNKNOWN and producer.orders[job][0] in book for job, fate in fates.items()
        ),
        Counter(str(states[job]) for job, fate in fates.items() if fate is Fate.LOST),
    )


def judge(
    state: JobState | None,
    sms: Iterable[Sms],
    book: Mapping[Sms, int],
    unsent: Collection[JobState] = (),
) -> Fate:
    """Say what became of one job."""
    times = {book.get(each, 0) for each in sms}
    if max(times) > 1:
        return Fate.TWICE
    if state is JobState.UNKNOWN:
        return Fate.UNKNOWN
    if state in unsent and times == {0}:
        return Fate.UNSENT
    return Fate.ONCE if state in _ACCEPTED and times == {1} else Fate.LOST


def read_states(bed: Bed, ids: list[str]) -> dict[str, JobState | None]:
    """Read every job's state; a campaign's is that of its one job, a gathered send's its job's."""
    keys = bed.stack.environ.get("SMSQ_NAMESPACE", "smsq")
    states: dict[str, JobState | None] = {}
    for start in range(0, len(ids), _SLICE):
        part = ids[start : start + _SLICE]
        pipeline = bed.redis.pipeline(transaction=False)
        for some_id in part:
            pipeline.hget(f"{keys}:job:{some_id.partition('.')[0]}", "state")
            pipeline.lindex(f"{keys}:campaign_jobs:{some_id}", 0)
        answers = pipeline.execute()
        for some_id, state, job_id in zip(part, answers[::2], answers[1::2], strict=True):
            word = state or (job_id and bed.redis.hget(f"{keys}:job:{job_id}", "state"))
            states[some_id] = JobState(str(word)) if word else None
    return states


def has_settled(bed: Bed, jobs: int) -> bool:
    """Say whether every job has been settled, as the ledger counts."""
    counts = bed.queue.stats().jobs
    return sum(counts[state] for state in (*SETTLED, *_CALLED_OFF)) >= jobs


def is_at_rest(bed: Bed) -> bool:
    """Say whether no job is on its way, however many there are."""
    counts = bed.queue.stats().jobs
    return not any(counts[state] for state in _ON_THEIR_WAY)
