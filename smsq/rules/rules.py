"""The rules of sending, as settings have them and as `claim.lua` asks about them.

In:  settings, and questions of claims. Out: calendars and regions, written into the ledger.

Lua knows no zones. So a claim that needs quiet hours or a local day asks, whoever asked for the
claim writes the answer down here, and all workers use it from then on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self, cast

from smsq.domain.quiet import QuietHours, find_days, find_quiet_anywhere
from smsq.domain.regions import HOME, region_of, zones_of
from smsq.records.jobs import Question, Rules
from smsq.settings import Settings
from smsq.store.scripts import Scripts

_WEEK = timedelta(days=7)
#: No job has more messages, and no message more buckets of recipients.
_MOST = 100_000
#: A week's calendar begins and ends so much outside it: claims look two days ahead.
_BEFORE, _AFTER = timedelta(days=2), timedelta(days=4)
#: How long a calendar is kept after it was written; the next to need it writes it again.
_KEEP = timedelta(days=16)


#: Most phones whose regions one script call takes.
SLICE_PHONES = 1000


class RuleBook:
    """One set of rules.

    Args:
        scripts: Of the ledger.
        quiet: None for no quiet hours.
        cap_per_day: Campaign messages per phone and local day; 0 for no cap.
        home: Zone of phones whose region nobody knows.
        sandbox: The only phones to be sent to; None for no sandbox.
    """

    def __init__(
        self,
        scripts: Scripts,
        *,
        quiet: QuietHours | None,
        cap_per_day: int,
        home: str,
        sandbox: Sequence[str] | None = None,
    ) -> None:
        self._scripts = scripts
        self._quiet = quiet
        self._home = home
        needs_calendar = quiet is not None or cap_per_day > 0
        self.rules = Rules(
            calendar=f"{quiet or 'none'}@{home}" if needs_calendar else "",
            cap_per_day=cap_per_day,
            sandbox="" if sandbox is None else "|".join(("", *sandbox, "")),
        )
        #: Names the quiet hours in force, for `Claims.recover`.
        self.quiet_name = f"{quiet}@{home}" if quiet else "off"

    @classmethod
    def of(cls, scripts: Scripts, settings: Settings) -> Self:
        """Take the rules from the settings."""
        return cls(
            scripts,
            quiet=settings.quiet_hours,
            cap_per_day=settings.cap_per_day,
            home=settings.timezone,
            sandbox=settings.sandbox_phones if settings.sandbox else None,
        )

    def answer(self, question: Question) -> None:
        """Write down what a claim asked for."""
        if question.week is None:
            self._write_regions(question.job_id)
        else:
            self._write_calendars(question.week, question.regions)

    def _write_regions(self, job_id: str) -> None:
        places = {phone: region_of(phone) for phone in self._phones(job_id)}
        counts = Counter(places.values())
        regions = sorted(counts, key=lambda region: (-counts[region], region)) or [HOME]
        numbers = {region: n for n, region in enumerate(regions, start=1)}
        others = [(p, numbers[region]) for p, region in places.items() if region != regions[0]]
        told = ";".join(regions)
        for first in range(0, len(others), SLICE_PHONES):
            some = [item for pair in others[first : first + SLICE_PHONES] for item in pair]
            self._scripts.run("regions", job_id, "", json.dumps(some))
        self._scripts.run("regions", job_id, told, "[]")

    def _phones(self, job_id: str) -> Iterable[str]:
        keys, redis = self._scripts.keys, self._scripts.redis
        for n in range(1, _read_number(redis.hget(keys.job(job_id), "messages")) + 1):
            buckets = _read_number(redis.hget(keys.message(job_id, n), "buckets"))
            pipeline = redis.pipeline(transaction=False)
            for bucket in range(buckets):
                pipeline.hkeys(keys.recipients(job_id, n, bucket))
            for phones in pipeline.execute():
                yield from phones

    def _write_calendars(self, week: int, regions: Sequence[str]) -> None:
        key = self._scripts.keys.calendar(week)
        pipeline = self._scripts.redis.pipeline(transaction=False)
        rows = {
            f"{self.rules.calendar}|{region}": json.dumps(self.make_calendar(week, region))
            for region in regions
        }
        pipeline.hset(key, mapping=cast(Any, rows))
        pipeline.expire(key, _KEEP)
        pipeline.execute()

    def make_calendar(self, week: int, region: str) -> dict[str, Any]:
        """Make a region's calendar for a week since 1970, as rules.lua reads it.

        Returns:
            `quiet`: spans in which any of its zones is quiet. `days`: those of its main zone.
        """
        begins = datetime.fromtimestamp(0, UTC) + week * _WEEK
        since, until = begins - _BEFORE, begins + _WEEK + _AFTER
        zones = zones_of(region, self._home)
        quiet = find_quiet_anywhere(self._quiet, zones, since, until) if self._quiet else []
        return {"quiet": quiet, "days": find_days(zones[0], since, until)}


def _read_number(stored: object) -> int:
    """Read how many messages or buckets there are; a wild number must not keep a process busy.

    Raises:
        ValueError: No job of ours has so many.
    """
    number = int(str(stored))
    if not 0 <= number <= _MOST:
        raise ValueError("a number that no job has")
    return number
