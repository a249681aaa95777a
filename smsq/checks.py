"""What doctor makes of what it read: is it as it should be, and what to do if not. Pure.

In:  INFO of Redis, answers of workers, numbers of the ledger. Out: checks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from smsq.models import JobState
from smsq.names import QUEUES
from smsq.slots import RateView
from smsq.views import Stats

#: A tick comes every second; beat or the workers are in trouble when none was worked off for this.
LATE_BEAT_S = 30.0

#: A job that has been ready for longer shows a backlog.
LONG_WAIT_S = 300.0

#: Of `maxmemory`; a full Redis refuses every write.
FULL_SHARE = 0.9


class Mark(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARNING = "warning"  #: works, but should be looked at
    ERROR = "error"  #: something does not work


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        detail: What was found.
        fix: What to do; "" when nothing.
    """

    name: str
    status: Mark
    detail: str
    fix: str = ""


def check_redis_info(info: Mapping[str, Any]) -> Iterator[Check]:
    """Look whether Redis keeps what it has, by what INFO says."""
    policy = info.get("maxmemory_policy")
    yield replace(
        _judge("eviction", policy, is_good=policy == "noeviction", wrong=Mark.ERROR),
        fix="" if policy == "noeviction" else "set maxmemory-policy noeviction: else jobs get lost",
    )
    aof = {0: "off", 1: "on"}.get(info.get("aof_enabled", -1))
    yield replace(
        _judge("append-only file", aof, is_good=aof == "on", wrong=Mark.WARNING),
        fix="" if aof == "on" else "set appendonly yes: else a crash of Redis loses jobs",
    )
    used, most = info.get("used_memory", 0), info.get("maxmemory", 0)
    if most and used / most > FULL_SHARE:
        detail = f"{used / most:.0%} of maxmemory used"
        yield Check("memory", Mark.WARNING, detail, "raise maxmemory: a full Redis takes no jobs")


def _judge(name: str, value: str | None, *, is_good: bool, wrong: Mark) -> Check:
    if value is None:
        return Check(name, Mark.WARNING, "cannot be read from this server")
    return Check(name, Mark.OK if is_good else wrong, value)


def check_queues(answers: Mapping[str, Any]) -> Check:
    """Look whether some worker takes each queue."""
    taken = {queue["name"] for queues in answers.values() for queue in queues}
    missing = [str(queue) for queue in QUEUES if queue not in taken]
    if not missing:
        detail = f"all taken, by {len(answers)} worker{'s' if len(answers) > 1 else ''}"
        return Check("queues", Mark.OK, detail)
    detail = f"nobody takes {', '.join(missing)}" if answers else "no worker answers"
    return Check("queues", Mark.ERROR, detail, "start a worker: celery -A worker worker")


def check_beat(age_s: float | None) -> Check:
    """Look when beat's ticks were last worked off."""
    if age_s is not None and age_s <= LATE_BEAT_S:
        return Check("beat", Mark.OK, f"last tick {age_s:.0f} s ago")
    detail = "no tick in the last hour" if age_s is None else f"last tick {age_s:.0f} s ago"
    return Check("beat", Mark.ERROR, detail, "start beat (celery -A worker beat) and a worker")


def check_stats(stats: Stats) -> Iterator[Check]:
    """Look at what has piled up."""
    yield _check_gate(stats.rate)
    wait_s = stats.oldest_waiting_s
    is_late = wait_s > LONG_WAIT_S
    yield Check(
        "backlog",
        Mark.WARNING if is_late else Mark.OK,
        f"{stats.jobs[JobState.QUEUED]} jobs ready, the oldest for {wait_s:.0f} s",
        "start more workers, or raise SMSQ_RATE_PER_S" if is_late else "",
    )
    yield _pile(
        "unknown", stats.jobs[JobState.UNKNOWN], "may have been accepted: smsq unknown list"
    )
    yield _pile("dead", stats.jobs[JobState.DEAD], "used up their attempts: smsq dead list")
    unmatched = stats.oddities.get("unmatched", 0)
    yield _pile("unmatched", unmatched, "no receipt told their message ids: smsq unmatched")
    if stats.unknown_words:
        fix = "say what they mean in SMSQ_STATUS_MAP; till then they mean: not final yet"
        yield Check("words", Mark.WARNING, say_words(stats.unknown_words), fix)


def say_words(words: Mapping[str, int]) -> str:
    """Say which of the gateway's words we do not know, the most frequent first."""
    ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{word!r} {n:,} times" for word, n in ranked)


def _check_gate(rate: RateView) -> Check:
    if not rate.closed_for_s:
        return Check("sending", Mark.OK, "open")
    if math.isinf(rate.closed_for_s):
        return Check("sending", Mark.WARNING, f"paused: {rate.closed_why}", "smsq resume")
    detail = f"stopped for another {rate.closed_for_s:.0f} s: {rate.closed_why}"
    return Check("sending", Mark.WARNING, detail, "mend that; sending goes on by itself then")


def _pile(name: str, jobs: int, fix: str) -> Check:
    detail = f"{jobs} job{'' if jobs == 1 else 's'}"
    return Check(name, Mark.WARNING if jobs else Mark.OK, detail, fix if jobs else "")
