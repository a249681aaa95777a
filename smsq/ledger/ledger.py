"""The ledger: jobs come in, and are cancelled. Redis hashes moved by Lua scripts.

In:  jobs from producers. Out: their ids.

Each method is one script call and so atomic. Claims on jobs are in `Claims`, campaigns that are not
live yet in `Staging`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from redis.exceptions import RedisError

from smsq.errors import KeyConflictError, LimitedError, NotFoundError
from smsq.ledger.stored_id import StoredId, read_stored
from smsq.models import JobState
from smsq.names import Durability
from smsq.records.jobs import (
    Idempotency,
    NewJob,
    NewSend,
)
from smsq.records.packing import enqueue_args, gather_args
from smsq.records.unpacking import read_rings
from smsq.status.gathered_sends import read_own_id, show_id
from smsq.store.clock import ledger_time
from smsq.store.durability import wait_for
from smsq.store.refusals import NotKeptError, say
from smsq.store.scripts import Scripts

#: What one message is refused for by the ledger; others of its call are stored.
Refused: TypeAlias = KeyConflictError | LimitedError
REFUSED = (KeyConflictError, LimitedError)


class Ledger:
    """Every job. A failing Redis raises `redis.RedisError`; callers decide what that means.

    Args:
        scripts: Of the queue's namespace.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run
        self._redis = scripts.redis
        self._keys = scripts.keys

    def enqueue(self, job: NewJob, once: Idempotency) -> StoredId:
        """Store one job, whole or not at all.

        Returns:
            The id of the stored job: the earlier one's when the key repeats.

        Raises:
            KeyConflictError: The key was used before with other content, or may not be used again.
            LimitedError: The phone got as many messages as it may.
        """
        return read_stored(self._run("enqueue", *enqueue_args(job, once)))

    def enqueue_many(
        self, new: Iterable[tuple[NewJob | NewSend, Idempotency]]
    ) -> list[tuple[StoredId, Sequence[str]] | Refused]:
        """Store many independent jobs and sends in one round trip, each by itself.

        Returns:
            For each what `enqueue` would do, with the jobs that are to be rung; or its error.
        """
        pipeline = self._redis.pipeline(transaction=False)
        listed = list(new)
        for one, once in listed:
            if isinstance(one, NewSend):
                self._run("gather", *gather_args(one, once), client=pipeline)
            else:
                self._run("enqueue", *enqueue_args(one, once), client=pipeline)
        results: list[tuple[StoredId, Sequence[str]] | Refused] = []
        for (one, _), answer in zip(listed, pipeline.execute(), strict=True):
            try:
                results.append((read_stored(answer), read_rings(one, answer)))
            except REFUSED as refused:
                results.append(refused)
        return results

    def gather(self, send: NewSend, once: Idempotency) -> tuple[StoredId, Sequence[str]]:
        """Put one recipient into an open gathered job, or open a new one.

        Returns:
            The send's own id, or the earlier one's when the key repeats; jobs that closed over it
            and are to be rung.

        Raises:
            KeyConflictError: The key was used before with other content, or may not be used again.
        """
        answer = self._run("gather", *gather_args(send, once))
        return read_stored(answer), read_rings(send, answer)

    def keep(self, ids: Sequence[str], level: Durability, *, wait_ms: int) -> None:
        """Wait until what was stored a moment ago is on Redis' disk, or on a replica.

        Raises:
            NotKeptError: It is not there in time, or a failover has lost it. Any other failure is
                this one, too: a refusal here says nothing of what was stored before.
        """
        stored = [own.job_id if (own := read_own_id(one)) else one for one in ids]
        pipeline = self._redis.pipeline(transaction=False)
        self._run("keep", json.dumps(stored), client=pipeline)
        try:
            answer, is_kept = wait_for(pipeline, level, wait_ms)
        except RedisError as error:
            raise NotKeptError(f"what was stored may be lost yet: {say(error)}") from None
        if answer != "ok" or not is_kept:
            where = "Redis' disk" if level is Durability.DISK else "a replica"
            raise NotKeptError(f"what was stored is not on {where} after {wait_ms / 1000:g} s")

    def next_closing_s(self) -> float | None:
        """Say how soon a gathered job has to be closed, 0 for at once; None when none is open."""
        gathering = self._keys.gathering
        first: Any = self._redis.zrange(gathering, 0, 0, withscores=True)
        if not first:
            return None
        now = ledger_time(self._redis, self._keys)
        return max(0.0, (float(first[0][1]) - now.now_ms) / 1000)

    def cancel(self, job_id: str, *, by: str = "") -> JobState:
        """Take a job, or one send of a gathered one, back that nobody has claimed yet.

        Args:
            job_id: Or a send's own id.
            by: Who, for the audit trail; "" leaves nothing there.

        Returns:
            The state it is in now: `cancelled`; `unknown` where an attempt before may have been
            accepted; or what made it too late.
        """
        own_id = read_own_id(job_id)
        if own_id:
            state = self._run("cancel_send", own_id.job_id, own_id.ordinal, own_id.tag, by)
        else:
            state = self._run("cancel", job_id, by)
        if state == "missing":
            raise NotFoundError(f"no job has the id {show_id(job_id)}")
        return JobState(state)
