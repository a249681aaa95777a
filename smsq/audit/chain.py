"""The chain of the audit trail: each entry holds the head before it, and its own digest. Pure.

In:  entries as the stream has them, the oldest first; heads. Out: the first thing that is wrong.

It shows that an entry was removed, changed, moved or put in between by somebody who did not write
all later ones anew. Whoever can write to Redis can do that as well: a head that was noted
elsewhere shows even then that what came before it is not what it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

#: Entries are kept for a leap year. As in audit.lua.
KEEP_MS = 366 * 86_400_000

_FIELDS = ("by", "act", "target", "detail")
_SHA1_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act.

    Attributes:
        id: `<ms>-<number>`; numbers count from 1.
        at: When, UTC.
        by: Who, as user@host, or as a web app names its users.
        target: A job, a campaign, a delivery, or `all`; "" for none.
        detail: More of it, in words.
        prev: The head that it follows; "" for the first.
        hash: Its digest.
    """

    id: str
    at: datetime
    by: str
    act: str
    target: str
    detail: str
    prev: str
    hash: str

    @property
    def head(self) -> str:
        """What the next entry begins with, and what may be noted elsewhere."""
        return f"{self.id}:{self.hash}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at the whole trail came to.

    Attributes:
        entries: How many there are.
        head: Of the newest; "" where there was never one. Note it elsewhere.
        first_at: When the oldest act that is kept was, UTC; None for none.
        problem: What is wrong, in words; "" when nothing is.
    """

    entries: int
    head: str
    first_at: datetime | None
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        """True when nothing is wrong."""
        return not self.problem


def read_entry(entry_id: str, fields: Mapping[str, str]) -> Entry:
    """Read an entry of the stream; whatever is missing is empty, and so shows as changed."""
    known = {name: fields.get(name, "") for name in (*_FIELDS, "prev", "hash")}
    return Entry(id=entry_id, at=_read_time(entry_id), **known)


def digest(entry: Entry) -> str:
    """Reckon the digest that an entry has to have, as audit.lua does."""
    words = (entry.prev, entry.id, entry.by, entry.act, entry.target, entry.detail)
    framed = b"".join(b"%d:%s" % (len(raw), raw) for raw in map(_encode, words))
    if len(entry.hash) == _SHA1_LENGTH:
        return hashlib.sha1(framed, usedforsecurity=False).hexdigest()
    return _checksum(framed)


def check_chain(
    entries: Iterable[Entry], *, head: str, now_ms: float, noted: str | None = None
) -> Verdict:
    """Go through the trail.

    Args:
        entries: All that are kept, the oldest first.
        head: Of the newest, as it is kept beside them.
        now_ms: The ledger's time: what is older than a year may be gone.
        noted: A head that somebody noted earlier; None for none.
    """
    first, last, count, problem, is_noted = None, None, 0, "", noted is None
    for entry in entries:
        problem = problem or _compare(entry, last.head if last else None, now_ms)
        is_noted = is_noted or noted in {entry.prev, entry.head}
        first, last, count = first or entry, entry, count + 1
    problem = problem or _compare_head(head, last, now_ms)
    if not problem and not (is_noted or noted == head):
        problem = _say_not_found(str(noted), now_ms)
    return Verdict(entries=count, head=head, first_at=first.at if first else None, problem=problem)


def _compare(entry: Entry, prev: str | None, now_ms: float) -> str:
    """Say what is wrong with an entry; `prev`: of the one before, None for the oldest."""
    if entry.hash != digest(entry):
        return f"entry {entry.id} was changed"
    if prev is None:
        is_first = entry.prev == "" and _read_number(entry.id) == 1
        is_due = entry.prev != "" and _read_ms(entry.prev) < now_ms - KEEP_MS
        return "" if is_first or is_due else f"entries before {entry.id} are gone"
    if entry.prev != prev:
        return f"entry {entry.id} does not follow {prev.partition(':')[0]}: one is gone, or is new"
    return ""


def _compare_head(head: str, last: Entry | None, now_ms: float) -> str:
    if last is None:
        is_due = head == "" or _read_ms(head) < now_ms - KEEP_MS
        return "" if is_due else f"all entries up to {head} are gone"
    if head == last.head:
        return ""
    return f"the newest entry is {last.id}, but the head is {head or 'gone'}"


def _say_not_found(noted: str, now_ms: float) -> str:
    if _read_ms(noted) < now_ms - KEEP_MS:
        return f"the head {noted} is older than what is kept: note a newer one"
    return f"the head {noted} is not in the trail: what was before it is not what it was"


def _read_ms(head: str) -> int:
    """Read the time of an id or a head; 0 where it has none."""
    ms = head.partition("-")[0]
    return int(ms) if ms.isascii() and ms.isdecimal() else 0


def _read_number(entry_id: str) -> int:
    number = entry_id.partition("-")[2]
    return int(number) if number.isascii() and number.isdecimal() else 0


def _read_time(entry_id: str) -> datetime:
    try:
        return datetime.fromtimestamp(_read_ms(entry_id) / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # nobody but a forger writes such an id
        return datetime.fromtimestamp(0, UTC)


def _encode(words: str) -> bytes:
    return words.encode("utf-8", "surrogateescape")


def _checksum(raw: bytes) -> str:
    """Reckon what fakeredis has in place of SHA-1, as index.lua does; it proves nothing."""
    total = 7
    for byte in raw:
        total = (total * 31 + byte) % 16_777_216
    return f"{total:06x}"
