"""Searches the ledger: no call of its scripts grows with it.

In:  a reference, a phone, a state, a tag, a time. Out: summaries, the newest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Unpack, cast

from smsq.errors import ConfigError, NotFoundError
from smsq.finding.summary import JobSummary, read_campaign_row, read_job_row, summarize_send
from smsq.intake.fields import Fields
from smsq.intake.mistakes import refuse
from smsq.intake.new_jobs import to_ms
from smsq.intake.own_names import read_names, read_reference
from smsq.ledger.producer import Producer
from smsq.mistakes import MistakeCode
from smsq.models import JobState
from smsq.options import FindOptions, JobOptions
from smsq.status.gathered_sends import load_send, read_own_id

#: Campaigns looked at in one call, rows found in one.
_CAMPAIGNS, _ROWS = 500, 100
#: Most that `find` gives unless told.
_LIMIT = 100
_PHONE, _REFERENCE = "p", "r"


class Finder:
    """Finds jobs, sends and campaigns.

    Args:
        producer: The web app's side of the queue.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._redis = producer.redis
        self._run = producer.scripts.run
        self._keys = producer.scripts.keys
        self._settings = producer.settings

    def find(self, **what: Unpack[FindOptions]) -> list[JobSummary]:
        """Find as `SmsQueue.find` says.

        Raises:
            InvalidMessageError: With every mistake found.
            ConfigError: A phone is asked for, and `SMSQ_FIND_BY_PHONE` is 0.
        """
        fields = self._fields()
        by_phone = what.get("phone") is not None
        if by_phone is (what.get("reference") is not None):
            told = "find: write a reference or a phone"
            fields.add(MistakeCode.OPTIONS_CONFLICT, "phone", told)
        if by_phone and not self._settings.find_by_phone:
            raise ConfigError(["SMSQ_FIND_BY_PHONE is 0: no index of phones is kept"])
        reference = read_reference(fields.mistakes, what.get("reference"))
        name = fields.phone(what["phone"]) if by_phone else reference or ""
        since_ms = _read_since(what.get("since"), fields)
        limit = what.get("limit", _LIMIT)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            told = "limit: write a whole number, 1 or more"
            fields.add(MistakeCode.OPTION_INVALID, "limit", told)
        refuse(fields.mistakes)
        with self._producer.call(writes=False):
            letter = _PHONE if by_phone else _REFERENCE
            found = list(self._find_entries(letter, name, since_ms, limit))
            if by_phone:
                found += self._find_in_campaigns(name, since_ms)
        found.sort(key=lambda one: one.created_at, reverse=True)
        return found[:limit]

    def jobs(self, **which: Unpack[JobOptions]) -> Iterator[JobSummary]:
        """List as `SmsQueue.jobs` says.

        Raises:
            InvalidMessageError: With every mistake found.
        """
        fields = self._fields()
        state, tag = which.get("state"), which.get("tag")
        if state is not None and state not in tuple(JobState):
            told = f"state: write one of: {', '.join(JobState)}"
            fields.add(MistakeCode.CHOICE_UNKNOWN, "state", told)
        read_names(fields.mistakes, None, () if tag is None else [tag])
        since_ms = _read_since(which.get("since"), fields)
        refuse(fields.mistakes)
        return self._list(state or "", tag or "", since_ms)

    def _fields(self) -> Fields:
        return Fields(self._settings, datetime.now(UTC), [])

    def _list(self, state: str, tag: str, since_ms: int) -> Iterator[JobSummary]:
        span, passed = "", 0
        # What is enqueued meanwhile, in the newest span, moves the others on.
        seen: set[str] = set()
        while True:
            with self._producer.call(writes=False):
                args = (span, passed, state, tag, since_ms, _ROWS)
                rows, next_span, passed = self._run("list_jobs", *args)
                new = [row for row in rows if row[1] not in seen]
                found = [one for row in new for one in self._read(row)]
            seen.update(row[1] for row in new)
            yield from (one for one in found if state in {"", one.state})
            if not next_span:
                return
            if next_span != span:
                span, seen = next_span, set()

    def _find_entries(
        self, what: str, name: str, since_ms: int, limit: int
    ) -> Iterator[JobSummary]:
        passed, seen = 0, set[tuple[str, str]]()
        while passed >= 0 and len(seen) < limit:
            args = (what, name, passed, min(limit, _ROWS), since_ms)
            rows, passed = self._run("find", *args)
            for row in rows:
                place = (row[1], row[3] if row[0] == "job" else "")
                if place not in seen:
                    seen.add(place)
                    yield from self._read(row)

    def _find_in_campaigns(self, phone: str, since_ms: int) -> Iterator[JobSummary]:
        listed = self._redis.zrevrangebyscore(self._keys.campaigns, "+inf", since_ms)
        ids = cast("list[str]", listed)
        for start in range(0, len(ids), _CAMPAIGNS):
            place, part = "1:1:1", json.dumps(ids[start : start + _CAMPAIGNS])
            while place:
                rows, place = self._run("find_bulk", phone, part, place)
                yield from (read_job_row(row) for row in rows)

    def _read(self, row: list[Any]) -> Iterator[JobSummary]:
        if row[0] == "job":
            yield read_job_row(row)
        elif row[0] == "campaign":
            yield read_campaign_row(row)
        elif own_id := read_own_id(row[1]):
            try:
                yield summarize_send(load_send(self._redis, self._keys, own_id))
            except NotFoundError:  # it went away a moment ago
                return


def _read_since(since: object, fields: Fields) -> int:
    """Read a time as the ledger does; 0 for none."""
    if since is None:
        return 0
    if not isinstance(since, datetime):
        told = f"since is {type(since).__name__}: write a datetime, or None for all"
        fields.add(MistakeCode.TIME_TYPE, "since", told)
    elif since.utcoffset() is None:
        told = "since has no time zone: write datetime.now(UTC) - timedelta(days=1), for instance"
        fields.add(MistakeCode.TIME_NAIVE, "since", told)
    else:
        return to_ms(since)
    return 0
