"""The audit trail in Redis: written by scripts, read and checked here.

In:  acts that no script of its own does; a reader's filter. Out: entries; what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from smsq.audit.acts import Act, fit, name_person
from smsq.audit.chain import Entry, Verdict, check_chain, read_entry
from smsq.store.scripts import Scripts

#: Entries in one round trip.
_SLICE = 500


class Audit:
    """The trail of one installation. A failing Redis raises `redis.RedisError`.

    Args:
        scripts: Of the ledger.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis, self._key = scripts.redis, scripts.keys.audit

    def record(self, by: str | None, act: Act | str, target: str = "", detail: str = "") -> None:
        """Write down an act. What a script does, that script writes down itself.

        Args:
            by: Who; None is whoever runs this process, as user@host.
            act: One of `Act`.
            target: A job, a campaign, `all`; "" for none.
            detail: In words; what may be a phone is masked.

        Raises:
            InvalidMessageError: `by` is no name.
            ValueError: There is no such act.
        """
        words = (name_person(by), Act(act), fit(target), fit(detail))
        self._scripts.run("record_act", *words)

    def read(
        self,
        *,
        by: str | None = None,
        act: Act | str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """Read the newest entries, the newest first.

        Args:
            by: Only this person's; a name without its host is enough.
            act: Only these.
            since: Only from this time on, an aware one.
            limit: At most so many.
        """
        found = (
            entry
            for entry in self._read_back(since)
            if (by is None or by in {entry.by, entry.by.rpartition("@")[0]})
            and (act is None or entry.act == act)
        )
        return list(islice(found, limit))

    def verify(self, noted: str | None = None) -> Verdict:
        """Look whether the trail is whole.

        Args:
            noted: A head that was noted earlier; None for none.
        """
        now_ms, head, newest = self._scripts.run("audit_head")
        entries = self._read_up_to(newest) if newest else iter(())
        return check_chain(entries, head=head, now_ms=float(now_ms), noted=noted)

    def _read_back(self, since: datetime | None) -> Iterator[Entry]:
        least = "-" if since is None else str(max(0, int(since.timestamp() * 1000)))
        most = "+"
        while rows := self._ask("xrevrange", most, least):
            yield from (read_entry(*row) for row in rows)
            most = f"({rows[-1][0]}"

    def _read_up_to(self, newest: str) -> Iterator[Entry]:
        least = "-"
        while rows := self._ask("xrange", least, newest):
            yield from (read_entry(*row) for row in rows)
            least = f"({rows[-1][0]}"

    def _ask(self, command: str, *bounds: str) -> list[Any]:
        rows: list[Any] = getattr(self._redis, command)(self._key, *bounds, count=_SLICE)
        return rows
