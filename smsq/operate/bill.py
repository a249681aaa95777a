"""The provider's bill beside what was sent: not ours, not billed, billed twice, at another price.

In:  rows of the bill, and of the ledger. Out: differences; memory does not grow with the rows.

Both sides are kept in a file of SQLite's that goes away with the process. It holds digests of
phones under a key of its own, and phones masked.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from smsq.text.phones import mask_phone

#: Prices are compared in millionths, as measures count them.
_MILLIONTHS = 1_000_000

#: Our recipients in these states of their jobs were sent to; in those it may be.
_SENT, _PERHAPS = frozenset({"accepted", "done"}), frozenset({"unknown", "submitting"})

_SCHEMA = """
create table billed (
  who integer, id integer, line integer, shown text, parts integer, price integer
);
create table ours (
  who integer, id integer, job text, shown text, parts integer, sure integer
);
pragma journal_mode = off;
pragma synchronous = off;
pragma temp_store = file;
pragma cache_size = -4000;
pragma temp.cache_size = -4000;
"""


class Finding(StrEnum):
    """What is wrong with a row."""

    NOT_OURS = "billed, not ours"
    NOT_BILLED = "ours, not billed"
    TWICE = "billed twice"
    PARTS = "parts differ"
    PRICE = "price differs"


@dataclass(frozen=True, slots=True)
class Billed:
    """A row of the bill.

    Attributes:
        line: Of its file, from 1.
        phone: In the gateway's form.
        message_id: None where the bill has none.
        parts: None where it says nothing of them.
        price: As billed for the whole message; None likewise.
    """

    line: int
    phone: str = field(repr=False)
    message_id: int | None = None
    parts: int | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference.

    Attributes:
        what: The kind of it.
        line: Of the bill; None where it is not there.
        job: Ours; None where it is not ours.
        phone: Masked.
        billed, expected: Parts, or a price; "" where neither is in question.
    """

    what: Finding
    phone: str
    line: int | None = None
    job: str | None = None
    message_id: int | None = None
    billed: str = ""
    expected: str = ""


class Bill:
    """Both sides of a comparison.

    Args:
        price_per_part: For the price of what the bill has; None compares no prices.
    """

    def __init__(self, price_per_part: Decimal | None = None) -> None:
        # "" is a file that SQLite deletes by itself.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._db.execute("begin")
        self._price = None if price_per_part is None else round(price_per_part * _MILLIONTHS)
        self._key = secrets.token_bytes(16)
        self._has_ids = True

    def add_billed(self, rows: Iterable[Billed]) -> int:
        """Take the bill; returns how many rows there are."""

        def write() -> Iterator[tuple[Any, ...]]:
            for row in rows:
                price = None if row.price is None else round(row.price * _MILLIONTHS)
                shown = mask_phone(row.phone)
                yield self._digest(row.phone), row.message_id, row.line, shown, row.parts, price

        self._db.executemany("insert into billed values (?, ?, ?, ?, ?, ?)", write())
        [[count, without]] = self._db.execute(
            "select count(*), sum(id is null) from billed"
        ).fetchall()
        self._has_ids = not without
        return int(count)

    def add_ours(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Take rows of `Exporter.recipients`, phones in full; returns how many may be billed."""

        def write() -> Iterator[tuple[Any, ...]]:
            for row in rows:
                is_sure = row["job_state"] in _SENT
                if row["state"] == "withheld" or not (is_sure or row["job_state"] in _PERHAPS):
                    continue
                phone = row["phone"]
                shown, parts = mask_phone(phone), row["parts"]
                yield self._digest(phone), row["message_id"], row["job"], shown, parts, is_sure

        self._db.executemany("insert into ours values (?, ?, ?, ?, ?, ?)", write())
        return int(self._db.execute("select count(*) from ours").fetchone()[0])

    def compare(self) -> Iterator[Difference]:
        """Find the differences, those of the bill's lines first, in their order.

        Rows are matched by message id and phone where every row of the bill has an id; a message of
        ours whose id is not known, and a bill without ids, by phone alone.
        """
        self._match()
        yield from self._find_in_bill()
        for shown, job, message_id in self._db.execute(
            "select shown, job, id from ours where line is null and sure order by rowid"
        ):
            yield Difference(what=Finding.NOT_BILLED, phone=shown, job=job, message_id=message_id)

    def close(self) -> None:
        """Delete the file."""
        self._db.close()

    def _match(self) -> None:
        """Give each row of ours one line of the bill, and each line one row, where there is one."""
        run = self._db.execute
        run("alter table billed add column job text")
        run("alter table billed add column our_parts integer")
        run("alter table billed add column is_second integer")
        run("alter table ours add column line integer")
        if self._has_ids:
            self._match_by("id", "id is not null")
            self._match_by("null", "id is null")
        else:
            self._match_by("null", "1")
        # A line too many for what is ours.
        run("create index ours_all on ours (who, line)")
        run(
            "update billed set is_second = 1 where job is null and exists "
            "(select 1 from ours where ours.who = billed.who and ours.line is not null"
            f" and ({'ours.id is billed.id' if self._has_ids else '1'}))"
        )

    def _match_by(self, key: str, which: str) -> None:
        """Match the nth of ours with the nth of the bill, by phone and `key`; sure ones first."""
        numbered = (
            f"select rowid as r, *, {key} as k, row_number() over "
            f"(partition by who, {key} order by {{}}) as nth from {{}} where {{}}"
        )
        ours = numbered.format("sure desc, rowid", "ours", f"line is null and {which}")
        billed = numbered.format("line", "billed", "job is null")
        run = self._db.execute
        run("drop table if exists pairs")
        run(
            f"create temp table pairs as select o.r as o, b.r as b, o.job as job, o.parts as parts,"
            f" b.line as line from ({ours}) o join ({billed}) b"
            " on o.who = b.who and o.k is b.k and o.nth = b.nth"
        )
        run("create index pairs_o on pairs (o)")
        run("create index pairs_b on pairs (b)")
        run(
            "update ours set line = (select line from pairs where o = ours.rowid)"
            " where rowid in (select o from pairs)"
        )
        run(
            "update billed set (job, our_parts) = (select job, parts from pairs"
            " where b = billed.rowid) where rowid in (select b from pairs)"
        )
        run("drop index pairs_o")
        run("drop index pairs_b")

    def _find_in_bill(self) -> Iterator[Difference]:
        for line, shown, message_id, job, second, parts, our_parts, price in self._db.execute(
            "select line, shown, id, job, is_second, parts, our_parts, price from billed"
            " order by line"
        ):
            told: dict[str, Any] = {"line": line, "phone": shown, "message_id": message_id}
            if job is None:
                what = Finding.TWICE if second else Finding.NOT_OURS
                yield Difference(what=what, **told)
                continue
            told["job"] = job
            if parts is not None and our_parts is not None and parts != our_parts:
                yield Difference(
                    what=Finding.PARTS, billed=str(parts), expected=str(our_parts), **told
                )
                continue
            expected = self._expect(our_parts if our_parts is not None else parts)
            if price is not None and expected is not None and price != expected:
                yield Difference(
                    what=Finding.PRICE, billed=_money(price), expected=_money(expected), **told
                )

    def _expect(self, parts: int | None) -> int | None:
        return None if self._price is None or parts is None else self._price * parts

    def _digest(self, phone: str) -> int:
        found = hashlib.blake2b(phone.encode(), digest_size=8, key=self._key).digest()
        return int.from_bytes(found, signed=True)


def _money(millionths: int) -> str:
    return f"{Decimal(millionths) / _MILLIONTHS:f}"
