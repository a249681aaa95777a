"""Awaited: jobs whose tasks wait for the answer to their request.

In:  ids of jobs rung alone, and of those that this process has in hand. Out: what the answers to
their requests made of them.

Not thread-safe: the engine's lock guards it.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from smsq.models import JobState


@dataclass(slots=True)
class Answer:
    """What a task waits for.

    Attributes:
        is_there: Set when there is no more to wait for.
        state: What the answer to the job's request made of it; None without one.
    """

    is_there: threading.Event = field(default_factory=threading.Event)
    state: JobState | None = None


class AwaitedJobs:
    """Which jobs a task waits for, and which ones are in hand."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._in_hand: Counter[str] = Counter()

    def add(self, job_id: str) -> Answer:
        """Wait for a job from now on."""
        return self._answers.setdefault(job_id, Answer())

    def is_in_hand(self, job_id: str) -> bool:
        """Say whether this process is making the job's request."""
        return job_id in self._in_hand

    def take_in_hand(self, job_id: str) -> None:
        """Note that the job's request is on its way."""
        self._in_hand[job_id] += 1

    def settle(self, job_id: str, state: JobState | None) -> None:
        """Note what the answer to the job's request made of it, and tell its task."""
        self._in_hand[job_id] -= 1
        if not self._in_hand[job_id]:
            del self._in_hand[job_id]
        self.release(job_id, state)

    def release(self, job_id: str, state: JobState | None = None) -> None:
        """Let the task of one job end."""
        if answer := self._answers.pop(job_id, None):
            answer.state = state
            answer.is_there.set()

    def release_others(self) -> None:
        """Let the tasks of all jobs end that are not in hand."""
        for job_id in [job_id for job_id in self._answers if not self.is_in_hand(job_id)]:
            self.release(job_id)
