"""The audit trail in Redis: written by scripts, read and checked here.

In:  acts that no script of its own does; a reader's filter. Out: entries; what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from smsq.audit.acts import Act, fit, name_person
from smsq.audit.chain import Entry, Verdict, check_chain, read_entry
from smsq.errors import InvalidMessageError
from smsq.store.scripts import Scripts

#: Entries in one round trip; those that one page looks at.
_SLICE, _MOST_LOOKED_AT = 500, 5000

#: Redis refuses more in either part.
_MOST_IN_ID = 2**64


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries.

    Attributes:
        before: Where the next page begins, for `Audit.read_page`; "" at the end.
    """

    entries: Sequence[Entry]
    before: str


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
        found = (entry for entry in self._read_back(since) if _fits(entry, by, act))
        return list(islice(found, limit))

    def read_page(
        self, *, by: str = "", act: str = "", before: str = "", limit: int = 50
    ) -> AuditPage:
        """Read a page of entries, the newest first; where few fit, it ends after many others.

        Args:
            by: Only this person's; a name without its host is enough; "" for everybody's.
            act: Only these; "" for all.
            before: The id that an earlier page ended with; "" for the newest.
            limit: At most so many.

        Raises:
            InvalidMessageError: `before` is no id.
        """
        most = f"({_check_id(before)}" if before else "+"
        found: list[Entry] = []
        seen, last = 0, ""
        for entry in self._read_back(None, most):
            if len(found) == limit or seen == _MOST_LOOKED_AT:
                return AuditPage(found, last)
            seen, last = seen + 1, entry.id
            if _fits(entry, by or None, act or None):
                found.append(entry)
        return AuditPage(found, "")

    def verify(self, noted: str | None = None) -> Verdict:
        """Look whether the trail is whole.

        Args:
            noted: A head that was noted earlier; None for none.
        """
        now_ms, head, newest = self._scripts.run("audit_head")
        entries = self._read_up_to(newest) if newest else iter(())
        return check_chain(entries, head=head, now_ms=float(now_ms), noted=noted)

    def _read_back(self, since: datetime | None, most: str = "+") -> Iterator[Entry]:
        least = "-" if since is None else str(max(0, int(since.timestamp() * 1000)))
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


def _fits(entry: Entry, by: str | None, act: Act | str | None) -> bool:
    is_theirs = by is None or by in {entry.by, entry.by.rpartition("@")[0]}
    return is_theirs and (act is None or entry.act == act)


def _check_id(written: str) -> str:
    parts = written.split("-")
    is_id = len(parts) == 2 and all(  # noqa: PLR2004 - the two of an id
        part.isascii() and part.isdecimal() and len(part) <= 20 and int(part) < _MOST_IN_ID  # noqa: PLR2004
        for part in parts
    )
    if not is_id:
        raise InvalidMessageError(["before: write an entry's id, as in 1732700000000-7"])
    return written
