"""Reads from the ledger what was enqueued since the last look.

In:  a Redis within the process. Out: `QueuedSms`, in the order in which they were enqueued.

It reads after each call, so before anything can take a text away. All namespaces are looked at: a
web app may have several queues.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from smsq.names import Queue
from smsq.store.keys import Keys
from smsq.testing.queued import QueuedSms, Stage

_JOB = re.compile(r"(.+):job:(j[0-9a-f]+)")
#: Of the list of a gathered job's sends: phone, when it joined, tag.
_SEND = re.compile(r"([0-9]+)\|([0-9]+)\.([0-9A-Za-z]+)")


@dataclass(slots=True)
class _Job:
    keys: Keys
    id: str
    fields: Mapping[str, str]
    #: Sends of a gathered job that were read, and idempotency keys of them.
    sends: int = 0
    digests: int = 0


class LedgerReader:
    """Reads what is new. Not thread-safe.

    Args:
        redis: To which the queues of the test lead.
        key_names: Digest of an idempotency key → the key.
        stage: Where the messages are played on.

    Attributes:
        namespaces: In which jobs were found.
    """

    def __init__(self, redis: Redis, key_names: Mapping[str, str], stage: Stage) -> None:
        self.namespaces: set[str] = set()
        self._stage = stage
        self._redis: Any = redis
        self._key_names = key_names
        self._seen: set[str] = set()
        self._gathered: list[_Job] = []

    def read_new(self) -> Iterator[QueuedSms]:
        """Read what was enqueued since the last look."""
        for open_job in self._gathered:
            yield from self._read_sends(open_job)
        for name in self._redis.keys("*:job:j*"):
            if name not in self._seen and (job := self._load(name)) is not None:
                self._seen.add(name)
                self.namespaces.add(job.keys.namespace)
                if job.fields.get("is_gathered"):
                    self._gathered.append(job)
                    yield from self._read_sends(job)
                else:
                    yield from self._read_job(job)

    def _load(self, name: str) -> _Job | None:
        """Load a job; None for one of a campaign in the making."""
        found = _JOB.fullmatch(name)
        if found is None:
            return None
        keys, fields = Keys(found[1]), self._redis.hgetall(name)
        campaign = fields.get("campaign")
        if campaign and not self._redis.hexists(keys.campaign(campaign), "created_at_ms"):
            return None
        return _Job(keys, found[2], fields)

    def _read_job(self, job: _Job) -> Iterator[QueuedSms]:
        own_id = job.fields.get("campaign", job.id)
        key = job.fields.get("key") or self._redis.hget(job.keys.campaign(own_id), "key")
        packed = job.fields.get("names") or self._redis.hget(job.keys.campaign(own_id), "names")
        reference, tags = _read_names(packed)
        name = job.keys.namespace
        due_ms = self._redis.zscore(job.keys.due, job.id)
        is_later = job.fields.get("state") == "waiting" and "campaign" not in job.fields
        for n in range(1, int(job.fields["messages"]) + 1):
            message = self._redis.hgetall(job.keys.message(job.id, n))
            texts = self._redis.hgetall(job.keys.texts(job.id, n))
            for bucket in range(int(message["buckets"])):
                rows = self._redis.hgetall(f"{name}:references:{job.id}:{n}:{bucket}")
                for phone in self._redis.hkeys(job.keys.recipients(job.id, n, bucket)):
                    yield self._make(
                        job,
                        message,
                        reference=rows.get(phone, reference),
                        tags=tags,
                        id=own_id,
                        message_number=n,
                        phone=phone,
                        text=texts.get(phone, message.get("text", "")),
                        key=self._key_names.get(key or ""),
                        send_at=_read_ms(due_ms if is_later else message.get("starts_at_ms")),
                        expires_at=_read_ms(job.fields.get("expires_at_ms")),
                    )

    def _read_sends(self, job: _Job) -> Iterator[QueuedSms]:
        keys, job_id = job.keys, job.id
        rows = self._redis.lrange(keys.gathered(job_id), job.sends, -1)
        if not rows:
            return
        message = self._redis.hgetall(keys.message(job_id, 1))
        texts = self._redis.hgetall(keys.texts(job_id, 1))
        keys_of = self._name_sends(job)
        own_names = self._redis.hgetall(f"{keys.namespace}:names:{job_id}")
        for row in rows:
            job.sends += 1
            found = _SEND.match(row)
            assert found is not None  # noqa: S101 - gather.lua wrote it
            phone, _, tag = found.groups()
            own_id = f"{job_id}.{job.sends}.{tag}"
            reference, tags = _read_names(own_names.get(str(job.sends)))
            yield self._make(
                job,
                message,
                id=own_id,
                phone=phone,
                text=texts.get(phone, ""),
                key=keys_of.get(own_id),
                reference=reference,
                tags=tags,
                send_at=None,
                expires_at=_read_ms(
                    self._redis.zscore(f"{keys.namespace}:deadlines:{job_id}", job.sends)
                ),
            )

    def _make(self, job: _Job, message: Mapping[str, str], **known: Any) -> QueuedSms:
        return QueuedSms(
            sender=message["alphaname_id"],
            priority=Queue(job.fields["priority"]),
            job_id=job.id,
            namespace=job.keys.namespace,
            stage=self._stage,
            **known,
        )

    def _name_sends(self, job: _Job) -> Mapping[str, str]:
        """Find the keys of a gathered job's newest sends: own id → key."""
        names = {}
        for digest in self._redis.lrange(f"{job.keys.namespace}:keys:{job.id}", job.digests, -1):
            job.digests += 1
            held = self._redis.get(job.keys.idempotency(digest)) or ""
            names[held.partition("|")[0]] = self._key_names.get(digest, "")
        return names


def _read_names(packed: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Read a caller's own names: a reference and tags, a line each."""
    reference, *tags = (packed or "").split("\n")
    return reference or None, tuple(tags)


def _read_ms(at_ms: str | float | None) -> datetime | None:
    return datetime.fromtimestamp(float(at_ms) / 1000, UTC) if at_ms and float(at_ms) else None
