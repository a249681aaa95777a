"""What doctor makes of what it read: is it as it should be, and what to do if not. Pure.

In:  INFO of Redis, answers of workers, numbers of the ledger. Out: checks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from smsq.models import JobState
from smsq.names import Durability
from smsq.pacing.slots import RateView
from smsq.status.views import Stats

#: A job that has been ready for longer shows a backlog.
LONG_WAIT_S = 300.0

#: A replica reports every second.
LAG_S = 5

#: Redis' `repl-timeout` where replicas are waited for.
MOST_REPL_TIMEOUT_S = 15

#: Of `maxmemory`: as in ledger/reserve.lua, new messages are refused above it.
FULL_SHARE = 0.8


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


def check_answer(info: Mapping[str, Any], latency_ms: float) -> Check:
    """Say which Redis answers, and since when it is up: one that has just started may have lost."""
    version = info.get("redis_version", "that cannot be read")
    up_s = info.get("uptime_in_seconds")
    up = "" if up_s is None else f"up for {timedelta(seconds=int(up_s))}, "
    return Check("redis", Mark.OK, f"version {version}, {up}answers in {latency_ms:.1f} ms")


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
    if evicted := info.get("evicted_keys", 0):
        detail = f"it deleted {evicted:,} keys to have room, since it started"
        fix = "set maxmemory-policy noeviction, then look for jobs that are gone: smsq export"
        yield Check("lost keys", Mark.ERROR, detail, fix)
    if "used_memory" in info:
        yield _check_memory(info["used_memory"], info.get("maxmemory", 0))


def _check_memory(used: int, most: int) -> Check:
    used_mb = f"{used / 2**20:,.0f} MB used"
    if not most:
        return Check("memory", Mark.OK, f"{used_mb}; maxmemory sets no bound")
    said = f"{used / most:.0%} of maxmemory used"
    if used / most > FULL_SHARE:
        return Check("memory", Mark.WARNING, said, "raise maxmemory: new messages are refused")
    return Check("memory", Mark.OK, said)


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


def check_repl_timeout(value_s: int) -> Iterator[Check]:
    """Look how soon a replica and its primary notice that their connection is dead.

    TCP repeats what was lost twice as late each time: after a cut of 30 s it may be silent for as
    long again. Sentinels see the replica at once, so that it is waited for.
    """
    if value_s > MOST_REPL_TIMEOUT_S:
        detail = f"{value_s} s: after a cut, a replica may be waited for in vain, and nothing sent"
        fix = "set repl-timeout 10 and repl-ping-replica-period 2, on replicas too"
        yield Check("repl-timeout", Mark.WARNING, detail, fix)


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


def _judge(name: str, value: str | None, *, is_good: bool, wrong: Mark) -> Check:
    if value is None:
        return Check(name, Mark.WARNING, "cannot be read from this server")
    return Check(name, Mark.OK if is_good else wrong, value)


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
    if not rate.closed_for_s and rate.closed_why:
        detail = f"starts again with one probe after: {rate.closed_why}"
        return Check("sending", Mark.WARNING, detail, "fix that: sending then goes on by itself")
    if not rate.closed_for_s:
        return Check("sending", Mark.OK, "open")
    if math.isinf(rate.closed_for_s):
        return Check("sending", Mark.WARNING, f"paused: {rate.closed_why}", "smsq resume")
    detail = f"stopped for another {rate.closed_for_s:.0f} s: {rate.closed_why}"
    return Check("sending", Mark.WARNING, detail, "fix that: sending then goes on by itself")


def _pile(name: str, jobs: int, fix: str) -> Check:
    detail = f"{jobs} job{'' if jobs == 1 else 's'}"
    return Check(name, Mark.WARNING if jobs else Mark.OK, detail, fix if jobs else "")
