"""References of a job's recipients: their own, or that of their job.

In:  a job. Out: phone → reference, bucket by bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from redis import Redis

from smsq.domain.own_names import read_own_names
from smsq.status.gathered_sends import read_row_phone
from smsq.store.keys import Keys

#: Of the job's hash, in the order in which `References` takes them.
REFERENCE_FIELDS = ("names", "has_references", "is_gathered")


class References:
    """Looks references up; jobs without any cost no call.

    Args:
        redis: Client of the ledger.
        keys: Of its namespace.
        job_id: Whose recipients they are.
        names: Field of its hash, and so are the others.

    Attributes:
        shared: Of all recipients that have none of their own.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        job_id: str,
        names: str | None,
        has_references: str | None,
        is_gathered: str | None,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._job_id = job_id
        self._has_own = bool(has_references)
        self.shared = read_own_names(names).reference
        self._gathered = self._read_gathered() if is_gathered else {}

    def of_bucket(self, n: int, bucket: int) -> Mapping[str, str]:
        """Read which phones of a message's bucket have their own; maybe others beside them."""
        if not self._has_own:
            return self._gathered
        found = self._redis.hgetall(self._keys.references(self._job_id, n, bucket))
        return cast("dict[str, str]", found)

    def _read_gathered(self) -> Mapping[str, str]:
        names = cast("dict[str, str]", self._redis.hgetall(self._keys.names(self._job_id)))
        if not names:
            return {}
        rows = cast("list[str]", self._redis.lrange(self._keys.gathered(self._job_id), 0, -1))
        found = {}
        for ordinal, row in enumerate(rows, start=1):
            reference = read_own_names(names.get(str(ordinal))).reference
            if reference and (phone := read_row_phone(row)):
                found[phone] = reference
        return found
