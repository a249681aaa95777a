"""A job that waits for an operator, and which of them are meant. Pure.

In:  a job's hash; an operator's rule. Out: the job as an operator sees it; whether it is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from smsq.models import JobState, Kind
from smsq.status.timeline import from_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckJob:
    """A job that waits for an operator.

    Attributes:
        since: When it got stuck, UTC.
        error: What happened.
        error_class: The last attempt's outcome in one word: `temporary`, `not_sent`, `unknown`.
        size: Recipients.
        campaign: Its campaign's id, None for none.
    """

    id: str
    kind: Kind
    state: JobState
    since: datetime
    attempts: int
    error: str
    error_class: str
    size: int
    campaign: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which stuck jobs are meant; None: whatever it is.

    Attributes:
        since: Stuck since this time or later.
        until: Stuck since before this time.
        campaign: Their campaign's id.
        error_class: As of `StuckJob`.
    """

    since: datetime | None = None
    until: datetime | None = None
    campaign: str | None = None
    error_class: str | None = None

    def fits(self, job: StuckJob) -> bool:
        """Say whether a job is meant."""
        return (
            (self.since is None or job.since >= self.since)
            and (self.until is None or job.since < self.until)
            and self.campaign in {None, job.campaign}
            and self.error_class in {None, job.error_class}
        )


def read_stuck(job_id: str, job: Mapping[str, str]) -> StuckJob:
    """Read a job as it is stored."""
    return StuckJob(
        id=job_id,
        kind=Kind(job["kind"]),
        state=JobState(job["state"]),
        since=from_ms(job["changed_at_ms"]),
        attempts=int(job["attempts"]),
        error=job.get("error", ""),
        error_class=job.get("error_class", ""),
        size=int(job["size"]),
        campaign=job.get("campaign"),
    )
