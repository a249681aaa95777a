"""The ledger for the accountants: one row per message, or per recipient.

In:  a span of time. Out: rows, one after the other; memory does not grow with their number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from redis import Redis

from smsq.domain.own_names import read_own_names
from smsq.models import RecipientState
from smsq.status.references import REFERENCE_FIELDS, References
from smsq.status.status import read_recipient
from smsq.status.timeline import from_ms
from smsq.store.keys import Keys
from smsq.text.phones import mask_phone

#: Keys that Redis looks at in one step of a scan; nobody else waits for longer than that takes.
SCAN_COUNT = 1000

#: Jobs read in one round trip, and recipients, give or take one bucket.
SLICE_JOBS, SLICE_RECIPIENTS = 100, 4000

#: A scan may show a key twice while Redis resizes its table; so many ids are remembered.
REMEMBERED_IDS = 20_000

_COLUMNS = (
    *("job", "campaign", "kind", "job_state", "created_at", "accepted_at", "attempts"),
    *("message", "message_id", "alphaname_id", "parts"),
)
_LAST = ("reference", "tags", "error")
MESSAGE_COLUMNS = (*_COLUMNS, "recipients", *map(str, RecipientState), *_LAST)
RECIPIENT_COLUMNS = (*_COLUMNS, "phone", "state", "gateway_status", "sent_at", *_LAST)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to export.

    Attributes:
        since: Jobs enqueued then or later; aware.
        until: And before then; None for no end.
        full_phones: False masks them.
    """

    since: datetime
    until: datetime | None = None
    full_phones: bool = False


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Recipients to be read, and the row that they share."""

    row: Row
    n: int
    bucket: int
    references: References | None


class Exporter:
    """Reads the ledger job by job. A failing Redis raises `redis.RedisError`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def messages(self, selection: Selection) -> Iterator[Row]:
        """One row per message, with its recipients per state."""
        for row, message in self._find_messages(selection):
            counts = _count(message)
            yield row | {"recipients": sum(counts.values())} | counts

    def recipients(self, selection: Selection) -> Iterator[Row]:
        """One row per recipient."""
        waiting: list[_Bucket] = []
        size = 0
        for row, message in self._find_messages(selection):
            buckets = int(message["buckets"])
            phones = sum(_count(message).values())
            references = self._find_references(row["job"], message)
            for bucket in range(buckets):
                waiting.append(_Bucket(row, message["n"], bucket, references))
                size += 1 + phones // buckets
                if size >= SLICE_RECIPIENTS:
                    yield from self._read_buckets(waiting, selection)
                    waiting, size = [], 0
        yield from self._read_buckets(waiting, selection)

    def _find_references(self, job_id: str, message: Mapping[str, Any]) -> References | None:
        """Find whose recipients have references of their own; None for a job without."""
        kept = [message["job"].get(name) for name in REFERENCE_FIELDS]
        return References(self._redis, self._keys, job_id, *kept) if any(kept[1:]) else None

    def _read_buckets(self, buckets: Sequence[_Bucket], selection: Selection) -> Iterator[Row]:
        show = str if selection.full_phones else mask_phone
        pipeline = self._redis.pipeline(transaction=False)
        for one in buckets:
            pipeline.hgetall(self._keys.recipients(one.row["job"], one.n, one.bucket))
        for one, phones in zip(buckets, pipeline.execute(), strict=True):
            own = one.references.of_bucket(one.n, one.bucket) if one.references else {}
            for phone, packed in sorted(phones.items()):
                found = read_recipient(phone, packed)
                yield one.row | {
                    "phone": show(phone),
                    "state": str(found.state),
                    "gateway_status": found.gateway_status,
                    "sent_at": found.sent_at.isoformat() if found.sent_at else None,
                    "reference": own.get(phone, one.row["reference"]),
                }

    def _find_messages(self, selection: Selection) -> Iterator[tuple[Row, dict[str, Any]]]:
        """Find the messages of all jobs in the span, each with the row it makes."""
        for job_ids in self._scan():
            jobs = [
                (job_id, job)
                for job_id, job in zip(
                    job_ids, self._load(map(self._keys.job, job_ids)), strict=True
                )
                if _is_selected(job, selection)
            ]
            refs = [
                (i, n)
                for i, (_, job) in enumerate(jobs)
                for n in range(1, int(job["messages"]) + 1)
            ]
            messages = self._load(self._keys.message(jobs[i][0], n) for i, n in refs)
            for (i, n), message in zip(refs, messages, strict=True):
                if message:
                    yield _make_row(*jobs[i], message), {**message, "n": n, "job": jobs[i][1]}

    def _scan(self) -> Iterator[Sequence[str]]:
        """Name every job once, some at a time."""
        prefix = self._keys.job("")
        seen: OrderedDict[str, None] = OrderedDict()
        slice_: list[str] = []
        for key in self._redis.scan_iter(f"{prefix}*", count=SCAN_COUNT):
            job_id = str(key).removeprefix(prefix)
            if job_id in seen:
                continue
            seen[job_id] = None
            if len(seen) > REMEMBERED_IDS:
                seen.popitem(last=False)
            slice_.append(job_id)
            if len(slice_) == SLICE_JOBS:
                yield slice_
                slice_ = []
        yield slice_

    def _load(self, keys: Any) -> Sequence[Mapping[str, str]]:
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hgetall(key)
        return cast("Sequence[Mapping[str, str]]", pipeline.execute())


def _is_selected(job: Mapping[str, str], selection: Selection) -> bool:
    # A campaign that is still being staged has no state.
    if "state" not in job:
        return False
    created_at = from_ms(job["created_at_ms"])
    return selection.since <= created_at and (
        selection.until is None or created_at < selection.until
    )


def _make_row(job_id: str, job: Mapping[str, str], message: Mapping[str, str]) -> Row:
    accepted_at_ms, message_id = job.get("accepted_at_ms"), message.get("message_id")
    names = read_own_names(job.get("names"))
    return {
        "job": job_id,
        "campaign": job.get("campaign"),
        "kind": job["kind"],
        "job_state": job["state"],
        "created_at": from_ms(job["created_at_ms"]).isoformat(),
        "accepted_at": from_ms(accepted_at_ms).isoformat() if accepted_at_ms else None,
        "attempts": int(job["attempts"]),
        "message": message["name"] or None,
        "message_id": int(message_id) if message_id else None,
        "alphaname_id": message["alphaname_id"],
        "parts": int(job["parts"]) if job.get("parts") else None,
        "reference": names.reference,
        "tags": names.tags,
        "error": job.get("error"),
    }


def _count(message: Mapping[str, Any]) -> dict[str, int]:
    return {str(state): int(message.get(state, 0)) for state in RecipientState}
