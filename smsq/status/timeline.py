"""What happened to one job: its notes, how long it waited for a slot, what its polls brought.

In:  a job's notes and the numbers of its messages. Out: steps as `smsq why` tells them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis

from smsq.models import JobState, RecipientState
from smsq.store.keys import Keys

#: A shorter wait for a slot is not worth a word.
_WAIT_WORTH_TELLING_S = 0.1


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a job's timeline.

    Attributes:
        at: UTC.
        what: A state the job moved to, `receipt`, or `operator: ...`.
        detail: Why; "" where there is nothing to say.
    """

    at: datetime
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Step:
    """One note, with what only its neighbours tell.

    Attributes:
        waited_s: From ready to be sent to this attempt; None for what is no attempt.
    """

    note: Note
    waited_s: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What the polls brought so far; a poll leaves no note of its own.

    Attributes:
        polls: Requests for reports.
        counts: Recipients per state; states nobody is in are left out.
        next_poll_at: UTC; None when none is due.
    """

    polls: int
    counts: Mapping[RecipientState, int]
    next_poll_at: datetime | None


def read_note(line: str) -> Note:
    """Read a line of the ledger's timeline."""
    at_ms, what, detail = line.split("|", 2)
    return Note(from_ms(at_ms), what, detail)


def from_ms(at_ms: str | float) -> datetime:
    """Read the ledger's time."""
    return datetime.fromtimestamp(float(at_ms) / 1000, UTC)


def make_steps(notes: Sequence[Note]) -> list[Step]:
    """Say beside each attempt how long it had waited."""
    steps, ready_at = [], None
    for note in notes:
        waited_s = None
        if note.what == JobState.QUEUED:
            ready_at = note.at
        elif note.what == JobState.SUBMITTING and ready_at:
            waited_s = max(0.0, (note.at - ready_at).total_seconds())
        steps.append(Step(note, waited_s))
    return steps


def read_progress(redis: Redis, keys: Keys, job_id: str) -> Progress:
    """Add up what the messages of a job came to."""
    messages = int(str(redis.hget(keys.job(job_id), "messages") or 0))
    pipeline = redis.pipeline(transaction=False)
    for n in range(1, messages + 1):
        pipeline.hmget(keys.message(job_id, n), "polls", *RecipientState)
        pipeline.zscore(keys.polls, f"{job_id}:{n}")
    answers = pipeline.execute()
    polls, counts = 0, Counter[RecipientState]()
    for n_polls, *numbers in answers[::2]:
        polls += int(n_polls or 0)
        for state, number in zip(RecipientState, numbers, strict=True):
            counts[state] += int(number or 0)
    due_ms = [at_ms for at_ms in answers[1::2] if at_ms is not None]
    return Progress(
        polls=polls,
        counts={state: n for state, n in counts.items() if n},
        next_poll_at=from_ms(min(due_ms)) if due_ms else None,
    )


def say_step(step: Step, progress: Progress) -> str:
    """Say a step's detail to a person."""
    said = [step.note.detail] if step.note.detail else []
    if step.waited_s is not None and step.waited_s >= _WAIT_WORTH_TELLING_S:
        said.append(f"waited {step.waited_s:.3g} s for the limit")
    if step.note.what == JobState.DONE:
        said.append(say_progress(progress))
    return ", ".join(said)


def say_progress(progress: Progress) -> str:
    """Say what the polls brought."""
    times = f"{progress.polls:,} time{'' if progress.polls == 1 else 's'}"
    states = [f"{n:,} {state}" for state, n in progress.counts.items()]
    return ", ".join([f"polled {times}", *states])
