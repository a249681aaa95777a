"""Campaigns on their way into the line: staged job by job, committed at once, launched in slices.

In:  full jobs, and how far their campaign is. Out: ids of jobs that wait for a slot.

No call takes Redis for longer than a few milliseconds, however large a job or a campaign is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from smsq.errors import KeyConflictError, QueueUnavailableError
from smsq.ledger.stored_id import StoredId, read_stored
from smsq.records.jobs import Idempotency, NewJob
from smsq.records.packing import STAGE_TTL_MS, candidate_secret, slice_messages, staged_fields
from smsq.store.scripts import Scripts

#: Jobs brought into the line, or taken away, in one call.
LAUNCH_JOBS = 100

#: Whoever committed a campaign also launches it; recover does when nobody has for so long.
PATIENCE_MS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a draft is, with its last job that is staged.

    Attributes:
        recipients: Of all its jobs.
        content: Digest of all that they hold, from the first on.
        most: Recipients per job; jobs can be compared only where this is the same.
        terms: Digest of what all its jobs have in common.
    """

    recipients: int
    content: str
    most: int
    terms: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What a key was used for before.

    Attributes:
        campaign: Its id; "" where there is nothing to go on with.
        is_committed: False while it is a draft.
        is_again: True when the key names a campaign that ended unsent, and is to be sent again.
        job_ids: The draft's.
        progress: The draft's; None before its first job.
        names: Field of its jobs for what its caller calls it; {} before its first job.
    """

    campaign: str = ""
    is_committed: bool = False
    is_again: bool = False
    job_ids: Sequence[str] = ()
    progress: Progress | None = None
    names: Mapping[str, str] = field(default_factory=dict, repr=False)


def find_terms(fields: Mapping[str, str]) -> dict[str, str]:
    """Find what all jobs of a campaign must have in common with an earlier draft's.

    What they are called is no content: the earlier draft's names hold. Nor is who asked, and when.
    """
    return {name: fields[name] for name in fields if name not in {"names", "traceparent"}}


class Staging:
    """The ledger's side of campaigns that are not live yet.

    Args:
        scripts: Of the queue's namespace.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run
        self._redis = scripts.redis
        self._keys = scripts.keys

    def find_earlier(self, key: str, *, is_again: bool = False) -> Earlier | None:
        """Find what a key was used for; None when it is new.

        Args:
            key: Digest of the idempotency key.
            is_again: True to begin anew after a campaign that ended unsent for certain.

        Raises:
            KeyConflictError: That campaign did not, or has not ended.
        """
        if is_again and (answer := self._run("may_send_again", key)):
            read_stored(answer)
        pipeline = self._redis.pipeline()
        pipeline.get(self._keys.idempotency(key))
        pipeline.hgetall(self._keys.draft(key))
        committed, draft = pipeline.execute()
        if committed and not is_again:
            return Earlier(campaign=committed.partition("|")[0], is_committed=True)
        is_again = bool(committed)
        if not draft and not is_again:
            return None
        campaign, jobs = draft.get("campaign", ""), int(draft.get("jobs", 0))
        if not jobs:
            return Earlier(campaign=campaign, is_committed=False, is_again=is_again)
        progress = Progress(
            recipients=int(draft["recipients"]),
            content=draft["content"],
            most=int(draft["most"]),
            terms=draft["terms"],
        )
        ids = cast("list[str]", self._redis.lrange(self._keys.staged(campaign), 0, jobs - 1))
        names = self._redis.hget(self._keys.job(ids[0]), "names") if ids else None
        return Earlier(
            campaign=campaign,
            is_committed=False,
            is_again=is_again,
            job_ids=ids,
            progress=progress,
            names={"names": str(names or "")},
        )

    def stage(
        self,
        job: NewJob,
        campaign_id: str,
        name: str,
        *,
        before: int,
        progress: Progress,
        is_again: bool = False,
    ) -> bool:
        """Store a job out of sight, until `commit` decides that its campaign is sent.

        Args:
            job: With the campaign among its fields.
            campaign_id: The draft's.
            name: The draft's: digest of its key, or the campaign's id.
            before: Jobs of the draft so far.
            progress: Of the draft with this job.
            is_again: True to send again what ended unsent for certain under its key.

        Returns:
            False when a campaign with this key is committed already, and nothing was stored.

        Raises:
            KeyConflictError: Another producer has this key in hand.
            QueueUnavailableError: The draft was taken for left behind.
        """
        fields = json.dumps(staged_fields(job))
        slices = list(slice_messages(job.messages))
        for n, messages in enumerate(slices, start=1):
            answer = self._run(
                *("stage", campaign_id, name, before, job.id, fields if n == 1 else ""),
                json.dumps(messages),
                json.dumps(_progress_fields(progress)) if n == len(slices) else "",
                *(STAGE_TTL_MS, int(is_again), candidate_secret()),
            )
            if answer == "committed":
                return False
            _refuse(answer)
        return True

    def commit(
        self,
        campaign_id: str,
        name: str,
        once: Idempotency,
        *,
        jobs: int,
        recipients: int,
        fields: Mapping[str, str],
    ) -> StoredId:
        """Decide that a staged campaign is sent; its jobs go live with `launch`.

        Args:
            campaign_id: The draft's.
            name: The draft's.
            once: What makes the call repeatable.
            jobs: That the draft must have.
            recipients: Of all its jobs.
            fields: More fields of the campaign's hash.

        Returns:
            The campaign's id: the earlier one's when the key repeats.

        Raises:
            KeyConflictError: The key was used with other content or may not be used again, or
                another producer has it.
            QueueUnavailableError: The draft was taken for left behind.
        """
        answer = self._run(
            *("commit", campaign_id, name, jobs, recipients),
            *(once.key, once.content, int(once.is_again), json.dumps(dict(fields)), PATIENCE_MS),
            candidate_secret(),
        )
        _refuse(answer[0])
        return read_stored(answer)

    def count_jobs(self, campaign_id: str) -> int:
        """Count a committed campaign's jobs."""
        return int(str(self._redis.llen(self._keys.campaign_jobs(campaign_id))))

    def launch(self, campaign_id: str) -> Iterator[Sequence[str]]:
        """Bring a committed campaign's jobs into the line, slice by slice; yields their ids."""
        is_left = True
        while is_left:
            campaign_id, is_left, job_ids = self._run(
                "launch", campaign_id, LAUNCH_JOBS, PATIENCE_MS
            )
            yield job_ids

    def launch_forgotten(self) -> Iterator[Sequence[str]]:
        """Do so with one committed campaign that nobody goes on with; yields nothing for none."""
        return filter(None, self.launch(""))

    def discard(self, campaign_id: str, name: str, *, jobs: int) -> None:
        """Give a draft up, unless another producer is at work on it."""
        self._run("discard", campaign_id, name, jobs)

    def sweep(self) -> int:
        """Take away some of what was left behind; returns 0 when there is nothing."""
        return int(self._run("sweep", LAUNCH_JOBS))


def _progress_fields(progress: Progress) -> dict[str, Any]:
    return {
        "recipients": str(progress.recipients),
        "content": progress.content,
        "most": str(progress.most),
        "terms": progress.terms,
    }


def _refuse(word: str) -> None:
    """Raise what a script's answer means for a draft, where it is no success."""
    if word == "overtaken":
        raise KeyConflictError(
            "another producer is at work with this key: nothing is sent twice; let it finish, "
            "or repeat the call when it is gone"
        )
    if word == "gone":
        raise QueueUnavailableError(
            "nothing was added to this campaign for a day, so it was taken for left behind and "
            "nothing is sent: begin again"
        )
