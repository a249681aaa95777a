"""Jobs that nothing moves on without an operator, and what happened to any job.

In:  unknown and dead jobs; an operator's decision. Out: jobs moved on, with who and why in their
timeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self, cast

from redis import Redis

from smsq.audit.acts import fit, name_person
from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.models import JobState, Kind, Settlement
from smsq.names import Queue, Task
from smsq.operate.stuck_job import Rule, StuckJob, read_stuck
from smsq.records.jobs import PollPlan
from smsq.rings.rings import Rings
from smsq.settings import Settings
from smsq.status.gathered_sends import check_id, load_send, read_own_id, show_id
from smsq.status.timeline import Note, Progress, read_note, read_progress
from smsq.status.views import Views
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts

_SLICE = 100
_MAX_WHY = 200
_TASK_OF = {Kind.QUICK: Task.SEND_QUICK, Kind.BULK: Task.SEND_BULK}
#: What stands against sending a job again, as stuck_job.lua answers it.
_HINDRANCES = {
    "no text": "has no text any more: enqueue it anew",
    "called off": "is of a cancelled campaign: enqueue it anew",
    "ended": "was {0} meanwhile and is not sent any more: enqueue it anew",
    "proven": "is at the gateway, as a receipt or an answer proved: it is not sent again",
    "may be out": "may have been accepted already, so a retry could send it twice: "
    "smsq unknown resend {id} sends it all the same",
}


class StuckJobs:
    """What an operator does with single jobs.

    Args:
        settings: Of the queue.
        redis: The ledger's.
        by: Who decides, as user@host, where a call does not say.
    """

    def __init__(self, settings: Settings, redis: Redis, *, by: str) -> None:
        self._redis = redis
        self._plan = PollPlan.of(settings)
        self._scripts = Scripts.of(redis, settings)
        self._rings = Rings.of(settings)
        self._by = by

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Build from settings; the connection is made when first used."""
        redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
        return cls(settings, redis, by=who_am_i())

    def find(self, state: JobState, rule: Rule | None = None) -> Iterator[StuckJob]:
        """List unknown or dead jobs, the longest stuck first.

        Args:
            state: `unknown` or `dead`.
            rule: Only those; None for all.
        """
        keys = self._scripts.keys
        with unavailable(self._redis, writes=False):
            ids = cast("list[str]", self._redis.zrange(keys.listed(state), 0, -1))
            for start in range(0, len(ids), _SLICE):
                part = ids[start : start + _SLICE]
                pipeline = self._redis.pipeline(transaction=False)
                for job_id in part:
                    pipeline.hgetall(keys.job(job_id))
                for job_id, job in zip(part, pipeline.execute(), strict=True):
                    if job.get("state") != state:
                        continue  # it moved on meanwhile
                    found = read_stuck(job_id, job)
                    if rule is None or rule.fits(found):
                        yield found

    def timeline(self, job_id: str) -> Sequence[Note]:
        """Tell what happened to a job, or to one gathered send, oldest first.

        At most the newest hundred notes of a job are kept.

        Raises:
            NotFoundError: No job has this id.
        """
        keys = self._scripts.keys
        with unavailable(self._redis, writes=False):
            if own_id := read_own_id(job_id):
                return load_send(self._redis, keys, own_id).read_timeline(self._redis, keys)
            lines = cast("list[str]", self._redis.lrange(keys.timeline(job_id), 0, -1))
            if not lines and not Views(self._redis, keys).is_job(job_id):
                raise NotFoundError(f"no job has the id {show_id(job_id)}")
        return [read_note(line) for line in lines]

    def progress(self, job_id: str) -> Progress:
        """Tell what the polls of a job brought so far."""
        with unavailable(self._redis, writes=False):
            own_id = read_own_id(job_id)
            found = read_progress(
                self._redis, self._scripts.keys, own_id.job_id if own_id else job_id
            )
            if own_id:
                send = load_send(self._redis, self._scripts.keys, own_id)
                found = replace(found, counts=send.counts)
            return found

    def resend(self, job_id: str, *, why: str = "", by: str | None = None) -> None:
        """Send an unknown job again; it may arrive twice.

        Args:
            job_id: An unknown job.
            why: Kept in its timeline and in the audit trail, as `by` is; phones are masked.
            by: Who decides, 1 to 100 characters; None is whom this was made for.

        Raises:
            NotFoundError: No job has this id.
            InvalidMessageError: It is not unknown, or its text is gone, or nothing of it is to be
                sent any more.
        """
        self._ring(job_id, self._operate(job_id, "resend", why, by))

    def settle(
        self, job_id: str, settlement: Settlement, *, why: str = "", by: str | None = None
    ) -> None:
        """Say what became of an unknown job; `why` and `by` as of `resend`.

        Raises:
            NotFoundError: No job has this id.
            InvalidMessageError: It is not unknown.
        """
        self._operate(job_id, settlement, why, by)

    def retry(
        self, job_id: str, *, why: str = "", is_dry: bool = False, by: str | None = None
    ) -> None:
        """Give a dead job all its attempts again.

        Args:
            job_id: A dead job.
            why: As of `resend`, as `by` is.
            is_dry: True only finds out whether it could be done.
            by: Who decides.

        Raises:
            NotFoundError: No job has this id.
            InvalidMessageError: It is not dead, or its text is gone (after three days), or it may
                have been accepted: then `resend` sends it all the same.
        """
        job = self._operate(job_id, "can retry" if is_dry else "retry", why, by)
        if not is_dry:
            self._ring(job_id, job)

    def close(self) -> None:
        """Give the connections back."""
        self._rings.close()
        self._redis.close()

    def _operate(self, job_id: str, what: str, why: str, by: str | None) -> tuple[Kind, Queue]:
        person = name_person(self._by if by is None else by)
        check_why(why)
        check_id(job_id)
        plan = (self._plan.first_ms, self._plan.horizon_ms)
        with unavailable(self._redis, writes=True):
            answer, *rest = self._scripts.run("stuck_job", job_id, what, person, fit(why), *plan)
        if answer == "ok":
            return Kind(rest[0]), Queue(rest[1])
        if answer == "missing":
            raise NotFoundError(f"no job has the id {show_id(job_id)}")
        if answer == "not":
            raise InvalidMessageError([f"job {job_id} is {rest[0]}: there is nothing to {what}"])
        why_not = _HINDRANCES[answer].format(*rest, id=job_id)
        raise InvalidMessageError([f"job {job_id} {why_not}"])

    def _ring(self, job_id: str, job: tuple[Kind, Queue]) -> None:
        kind, priority = job
        self._rings.ring(_TASK_OF[kind], [job_id], priority)


def check_why(why: str) -> None:
    """Check an operator's reason.

    Raises:
        InvalidMessageError: It is more than one short line.
    """
    if len(why) > _MAX_WHY or not why.isprintable():
        raise InvalidMessageError([f"why: write at most {_MAX_WHY} characters on one line"])
