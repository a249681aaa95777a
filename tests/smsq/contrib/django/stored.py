"""What a test finds in its ledger: phone, text and priority of each quick message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smsq.contrib.django import get_queue


@dataclass(frozen=True)
class Stored:
    """A quick message."""

    phone: str
    text: str
    priority: str
    expires_in_s: float


def find_stored() -> list[Stored]:
    """Find all quick messages of this test's namespace."""
    queue = get_queue()
    redis: Any = queue._producer.redis
    keys = queue._producer.scripts.keys
    found = []
    for key in redis.scan_iter(keys.message("j*", 1)):
        job_id = key.split(":")[-2]
        job: dict[str, str] = redis.hgetall(keys.job(job_id))
        [recipient] = queue.recipients(job_id)
        expires_in_s = (int(job.get("expires_at_ms", 0)) - int(job["created_at_ms"])) / 1000
        text = redis.hget(key, "text") or ""
        found.append(Stored(recipient.phone, text, job["priority"], expires_in_s))
    return found
