"""The heartbeat SMS: when the last one arrived, and whether the next is late.

In:  the hash that recover keeps (steps/heartbeat/sms.py). Out: `HeartbeatSms`.

A gateway may say 200 and deliver nothing. Only a message that arrives shows that it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from redis import Redis

from smsq.store.clock import ledger_time
from smsq.store.keys import Keys

#: Sent within one period, and delivered within the next: after these it is late.
LATE_PERIODS = 2


@dataclass(frozen=True, slots=True)
class HeartbeatSms:
    """How the heartbeat is.

    Attributes:
        job_id: Of the last message.
        age_s: Since one was known to be delivered last; since the first was sent, where none was.
        every_s: The period.
        failed: What became of the last, where it certainly did not arrive; "" else.
    """

    job_id: str
    age_s: float
    every_s: float
    failed: str

    @property
    def is_late(self) -> bool:
        """True when somebody should look."""
        return bool(self.failed) or self.age_s > LATE_PERIODS * self.every_s


def read_heartbeat_sms(redis: Redis, keys: Keys) -> HeartbeatSms | None:
    """Read it; None where no heartbeat is sent, or none was for long."""
    found = cast("dict[str, str]", redis.hgetall(keys.heartbeat_sms))
    return make_heartbeat_sms(found, ledger_time(redis, keys).now_ms) if found else None


def make_heartbeat_sms(fields: Mapping[str, str], now_ms: float) -> HeartbeatSms:
    """Make sense of the hash. Pure.

    Args:
        fields: `job`, `every_ms`, `first_ms`; `delivered_ms` once one was; `failed_job` and
            `failed` once one was not.
        now_ms: By the ledger's clock.
    """
    since_ms = float(fields.get("delivered_ms") or fields.get("first_ms") or now_ms)
    job_id = fields.get("job", "")
    is_failed = fields.get("failed_job") == job_id
    return HeartbeatSms(
        job_id=job_id,
        age_s=max(0.0, (now_ms - since_ms) / 1000),
        every_s=float(fields.get("every_ms", 0)) / 1000,
        failed=fields.get("failed", "") if is_failed else "",
    )
