"""What doctor makes of what it read: is it as it should be, and what to do if not. Pure.

In:  INFO of Redis, answers of workers, numbers of the ledger. Out: checks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from smsq.models import JobState
from smsq.names import QUEUES, Durability
from smsq.pacing.slots import RateView
from smsq.rings.presence import DEAF_AFTER_S
from smsq.status.views import Stats

#: A tick comes every second; beat or the workers are in trouble when none was worked off for this.
LATE_BEAT_S = 30.0

#: A job that has been ready for longer shows a backlog.
LONG_WAIT_S = 300.0

#: A replica reports every second.
LAG_S = 5

#: Bounds of kombu's visibility time-out: above any hold of a moment, below its default of an hour.
RING_AWAY_LEAST_S, RING_AWAY_MOST_S = 60, 3600

#: Of `maxmemory`; a full Redis refuses every write.
FULL_SHARE = 0.9


#: Oddities of reports: what they are, and what to do.
REPORT_ODDITIES: Mapping[str, tuple[str, str]] = {
    "reports_unreadable": (
        "rows had no phone or no status that can be read",
        "compare the gateway's rows with docs/gateway.md; worker logs name the message",
    ),
    "pages_repeated": (
        "times the same page came again",
        "the gateway ignores limit_offset: set SMSQ_BULK_MAX_RECIPIENTS to the rows it gives",
    ),
    "pages_tiny": (
        "polls ended after 1,000 pages",
        "the gateway gives few rows at once: set SMSQ_BULK_MAX_RECIPIENTS lower",
    ),
}


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


def check_clients(info: Mapping[str, Any]) -> Iterator[Check]:
    """Look whether Redis has room for more connections, where it says how many it takes."""
    used, most = info.get("connected_clients", 0), info.get("maxclients", 0)
    if most and used / most > FULL_SHARE:
        fix = "raise maxclients, or set SMSQ_REDIS_MAX_CONNECTIONS lower"
        yield Check("connections", Mark.WARNING, f"{used} of {most} are in use", fix)


def check_replicas(info: Mapping[str, Any]) -> Iterator[Check]:
    """Look whether the replicas, if any, have what this server has."""
    if info.get("role") == "slave":
        detail = "this is a replica: it takes no jobs"
        yield Check("replicas", Mark.ERROR, detail, "let SMSQ_REDIS_URL name the primary")
    for n in range(info.get("connected_slaves", 0)):
        replica: Mapping[str, Any] = info.get(f"slave{n}", {})
        behind_bytes = info.get("master_repl_offset", 0) - replica.get("offset", 0)
        if replica.get("state") != "online" or replica.get("lag", 0) > LAG_S:
            detail = (
                f"one has not been heard for {replica.get('lag', 0)} s, {behind_bytes} B behind"
            )
            fix = "see to it: a failover now would forget jobs and repeat others"
            yield Check("replicas", Mark.WARNING, detail, fix)


def check_fsync(policy: str) -> Check:
    """Look how soon Redis' log reaches the disk."""
    if policy != "no":
        return Check("appendfsync", Mark.OK, policy)
    fix = "set appendfsync everysec: else a power loss forgets half a minute"
    return Check("appendfsync", Mark.WARNING, policy, fix)


def check_fitness(faults: Sequence[str]) -> Iterator[Check]:
    """Say what keeps this server from being the ledger's."""
    for fault in faults:
        detail, _, fix = fault.partition(": ")
        yield Check("server", Mark.ERROR, detail, fix)


def check_durability(what: str, level: Durability, obstacle: str | None) -> Check:
    """Look whether SMSQ_DURABLE_CLAIMS and SMSQ_DURABLE_ENQUEUE can keep their word."""
    name = f"durable {what}"
    if obstacle is None:
        whom = "Redis' disk" if level is Durability.DISK else "a replica"
        return Check(name, Mark.OK, f"{whom} is waited for")
    detail, _, fix = obstacle.partition(": ")
    setting = f"SMSQ_DURABLE_{what.upper()}"
    return Check(name, Mark.ERROR, detail, f"{fix}; or set {setting} to 0")


def check_visibility(answers: Mapping[str, Any]) -> Iterator[Check]:
    """Look for how long a worker's broker keeps the rings that it took from others.

    Our workers keep no copy of a ring, so there is nothing to time out. One that keeps them (of an
    older version, or set up otherwise) loses and doubles nothing either, for the ledger fences; but
    with too short a time rings at hand are handed out again for nothing.
    """
    for worker, stats in sorted(answers.items()):
        broker = stats.get("broker", {})
        options = broker.get("transport_options") or {}
        if not broker.get("transport", "").startswith("redis") or not options.get(
            "ack_emulation", True
        ):
            continue
        timeout_s = options.get("visibility_timeout")
        if timeout_s is None or not RING_AWAY_LEAST_S <= timeout_s <= RING_AWAY_MOST_S:
            told = "none: an hour by default" if timeout_s is None else f"{timeout_s:g} s"
            detail = f"{told}, at {worker}"
            fix = "run workers of this version: they need none"
            yield Check("visibility timeout", Mark.WARNING, detail, fix)


def check_workers(ages_s: Mapping[str, float]) -> Check:
    """Look which workers take rings, by what they say of themselves."""
    deaf = {name: age_s for name, age_s in ages_s.items() if age_s > DEAF_AFTER_S}
    live = sorted(ages_s.keys() - deaf.keys())
    if deaf:
        told = ", ".join(f"{name} ({age_s:.0f} s)" for name, age_s in sorted(deaf.items()))
        detail = f"{len(live)} take rings; silent: {told}"
        fix = "killed ones are forgotten in 15 min; restart those whose process still runs"
        return Check("workers", Mark.WARNING if live else Mark.ERROR, detail, fix)
    if live:
        return Check("workers", Mark.OK, f"{', '.join(live)} take rings")
    return Check("workers", Mark.ERROR, "none takes rings", "start one: smsq worker")


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
    return Check("queues", Mark.ERROR, detail, "start a worker: smsq worker")


def check_beat(age_s: float | None) -> Check:
    """Look when beat's ticks were last worked off."""
    if age_s is not None and age_s <= LATE_BEAT_S:
        return Check("beat", Mark.OK, f"last tick {age_s:.0f} s ago")
    detail = "no tick in the last hour" if age_s is None else f"last tick {age_s:.0f} s ago"
    return Check("beat", Mark.ERROR, detail, "start beat (smsq beat) and a worker")


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
    yield _pile("unmatched", unmatched, "no receipt gave their message ids: smsq unmatched")
    for name, (what, fix) in REPORT_ODDITIES.items():
        if n := stats.oddities.get(name):
            yield Check("reports", Mark.WARNING, f"{n:,} {what}", fix)
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
    return Check("sending", Mark.WARNING, detail, "fix that: sending then goes on by itself")


def _pile(name: str, jobs: int, fix: str) -> Check:
    detail = f"{jobs} job{'' if jobs == 1 else 's'}"
    return Check(name, Mark.WARNING if jobs else Mark.OK, detail, fix if jobs else "")
