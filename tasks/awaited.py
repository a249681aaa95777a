"""Awaited: jobs whose tasks wait for the answer to their request.

In:  ids of jobs rung alone, and of those that this process has in hand. Out: events that are set.

Not thread-safe: the engine's lock guards it.
"""

from __future__ import annotations

import threading
from collections import Counter


class AwaitedJobs:
    """Which jobs a task waits for, and which ones are in hand."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}
        self._in_hand: Counter[str] = Counter()

    def add(self, job_id: str) -> threading.Event:
        """Wait for a job from now on; the event is set when there is no more to wait for."""
        return self._events.setdefault(job_id, threading.Event())

    def is_in_hand(self, job_id: str) -> bool:
        """Say whether this process is making the job's request."""
        return job_id in self._in_hand

    def take_in_hand(self, job_id: str) -> None:
        """Note that the job's request is on its way."""
        self._in_hand[job_id] += 1

    def settle(self, job_id: str) -> None:
        """Note that the job's request was answered, and tell its task."""
        self._in_hand[job_id] -= 1
        if not self._in_hand[job_id]:
            del self._in_hand[job_id]
        self.release(job_id)

    def release(self, job_id: str) -> None:
        """Let the task of one job end."""
        if event := self._events.pop(job_id, None):
            event.set()

    def release_others(self) -> None:
        """Let the tasks of all jobs end that are not in hand."""
        for job_id in [job_id for job_id in self._events if not self.is_in_hand(job_id)]:
            self.release(job_id)
