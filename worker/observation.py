"""Observation: what `/metrics` shows, read in a handful of calls whatever the ledger's size.

In:  the ledger. Out: `Observation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smsq.environment.version import read_version
from smsq.events.webhooks import Webhooks
from smsq.measures.readings import Measures, Readings
from smsq.names import PRIORITIES
from smsq.rings.presence import DEAF_AFTER_S, read_presence
from smsq.settings import Settings
from smsq.status.heartbeat_sms import HeartbeatSms, read_heartbeat_sms
from smsq.status.views import Stats, Views
from smsq.store.clock import ledger_time
from smsq.store.scripts import Scripts


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs of one priority that wait for a slot.

    Attributes:
        oldest_s: How long the first has waited; 0 for none.
    """

    jobs: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The ledger at one moment.

    Attributes:
        totals: What was measured since ever.
        lines: Priority → its line.
        workers: Those that take jobs.
        beat_age_s: Since beat's last tick was worked off; None when nobody remembers.
        unmatched: Accepted jobs that lack a message id.
        webhook_waiting: Deliveries on their way.
        heartbeat_sms: None where none is sent.
    """

    stats: Stats
    totals: Measures
    lines: Mapping[str, Line]
    workers: int
    beat_age_s: float | None
    unmatched: int
    webhook_waiting: int
    heartbeat_sms: HeartbeatSms | None
    version: str


def observe(scripts: Scripts, settings: Settings) -> Observation:
    """Read the ledger.

    Raises:
        RedisError: Redis does not answer.
    """
    redis, keys = scripts.redis, scripts.keys
    views = Views(redis, keys)
    stats = views.stats(settings.rate_per_s, settings.words)
    ages_s = read_presence(redis, keys).values()
    return Observation(
        stats=stats,
        totals=Readings(scripts).totals(),
        lines=read_lines(scripts),
        workers=sum(age_s <= DEAF_AFTER_S for age_s in ages_s),
        beat_age_s=views.heartbeat_age_s(),
        unmatched=stats.oddities.get("unmatched", 0),
        webhook_waiting=Webhooks(scripts, url=settings.webhook_url).count_waiting(),
        heartbeat_sms=read_heartbeat_sms(redis, keys),
        version=read_version(),
    )


def read_lines(scripts: Scripts) -> Mapping[str, Line]:
    """Read how many jobs of each priority wait, and for how long."""
    now = ledger_time(scripts.redis, scripts.keys)
    pipeline = scripts.redis.pipeline(transaction=False)
    for priority in PRIORITIES:
        pipeline.zcard(scripts.keys.ready(priority))
        pipeline.zrange(scripts.keys.ready(priority), 0, 0, withscores=True)
    found: list[Any] = pipeline.execute()
    sizes, firsts = found[::2], found[1::2]
    ages_s = [max(0.0, (now.now_ms - rows[0][1]) / 1000) if rows else 0.0 for rows in firsts]
    rows = zip(PRIORITIES, sizes, ages_s, strict=True)
    return {str(priority): Line(size, age_s) for priority, size, age_s in rows}
