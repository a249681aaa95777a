"""Recipients of a job or a campaign, bucket by bucket, so that a million fit on pages.

In:  jobs in order, and a place among them. Out: recipients, and where the next bucket is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from smsq.errors import InvalidMessageError
from smsq.models import JobState
from smsq.status.references import REFERENCE_FIELDS, References
from smsq.status.status import RecipientStatus, end_recipient, read_recipient
from smsq.store.keys import Keys

#: Rows of one page, or some more: a bucket is not divided.
PAGE_ROWS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket: of which job, counted from 0, which of its messages, from 1, and which of those."""

    job: int = 0
    message: int = 1
    bucket: int = 0

    def __str__(self) -> str:
        return f"{self.job}-{self.message}-{self.bucket}"


@dataclass(frozen=True, slots=True)
class RecipientPage:
    """Some recipients.

    Attributes:
        next: Where the page after it begins; None at the end.
    """

    rows: Sequence[RecipientStatus]
    next: Place | None


def read_place(text: str) -> Place:
    """Read a place as it is written; the first where nothing is.

    Raises:
        InvalidMessageError: It is none.
    """
    numbers = text.split("-") if text else ["0", "1", "0"]
    is_place = len(numbers) == 3 and all(  # noqa: PLR2004 - the three of a place
        number.isascii() and number.isdecimal() and len(number) < 10  # noqa: PLR2004
        for number in numbers
    )
    if not is_place:
        raise InvalidMessageError(["place: write job-message-bucket, as in 0-1-0"])
    return Place(*map(int, numbers))


def walk_buckets(
    redis: Redis, keys: Keys, job_ids: Sequence[str], start: Place | None = None
) -> Iterator[tuple[Place, Sequence[RecipientStatus]]]:
    """Read recipients bucket by bucket. A failing Redis raises `redis.RedisError`.

    Args:
        redis: Of the ledger.
        keys: Of its namespace.
        job_ids: In order.
        start: The first bucket to read.
    """
    start = start or Place()
    for at in range(start.job, len(job_ids)):
        job_id = job_ids[at]
        wanted = ("messages", "state", *REFERENCE_FIELDS)
        found: Any = redis.hmget(keys.job(job_id), *wanted)
        state = JobState(found[1] or JobState.QUEUED)
        references = References(redis, keys, job_id, *found[2:])
        for n in range(start.message if at == start.job else 1, int(found[0] or 0) + 1):
            buckets = int(str(redis.hget(keys.message(job_id, n), "buckets") or 0))
            is_start = (at, n) == (start.job, start.message)
            for bucket in range(start.bucket if is_start else 0, buckets):
                rows = cast("dict[str, str]", redis.hgetall(keys.recipients(job_id, n, bucket)))
                own = references.of_bucket(n, bucket)
                yield (
                    Place(at, n, bucket),
                    [
                        end_recipient(
                            read_recipient(phone, packed, own.get(phone, references.shared)), state
                        )
                        for phone, packed in sorted(rows.items())
                    ],
                )


def read_recipients(
    redis: Redis, keys: Keys, job_ids: Sequence[str], start: Place | None = None
) -> RecipientPage:
    """Read one page. A failing Redis raises `redis.RedisError`."""
    rows: list[RecipientStatus] = []
    for place, some in walk_buckets(redis, keys, job_ids, start):
        if len(rows) >= PAGE_ROWS and some:
            return RecipientPage(rows, place)
        rows += some
    return RecipientPage(rows, None)
