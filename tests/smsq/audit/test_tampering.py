"""Whatever is done to the stream by hand shows: removed, changed, moved, put in, cut off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.audit.chain import Entry, check_chain, digest, read_entry
from tests.smsq.world import World

_NOW_MS = 1_700_000_000_000
_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
_FIELDS = ("by", "act", "target", "detail")
_Row = tuple[str, Mapping[str, str]]


def forge(rows: Sequence[tuple[str, str, str, str]]) -> list[Entry]:
    """A chain as audit.lua writes it."""
    made: list[Entry] = []
    for n, row in enumerate(rows, start=1):
        fields = dict(zip(_FIELDS, row, strict=True))
        prev = made[-1].head if made else ""
        entry = read_entry(f"{_NOW_MS + n}-{n}", {**fields, "prev": prev, "hash": "0" * 40})
        made.append(replace(entry, hash=digest(entry)))
    return made


def problem_of(entries: Sequence[Entry], head: str, noted: str | None = None) -> str:
    return check_chain(entries, head=head, now_ms=_NOW_MS + 1000, noted=noted).problem


_ROWS = st.tuples(_WORDS, st.sampled_from(list(Act)), _WORDS, _WORDS)
chains = st.lists(_ROWS, min_size=2, max_size=8)


@given(chains)
def test_a_chain_that_nobody_touched_is_whole(rows: list[tuple[str, str, str, str]]) -> None:
    entries = forge(rows)
    assert problem_of(entries, entries[-1].head, entries[0].head) == ""


@given(chains, st.data())
def test_every_tampering_shows(rows: list[tuple[str, str, str, str]], data: st.DataObject) -> None:
    entries = forge(rows)
    head, place = entries[-1].head, data.draw(st.integers(0, len(entries) - 1))
    tampered = list(entries)
    how = data.draw(st.sampled_from(["remove", "edit", "swap", "insert", "cut", "behead", "move"]))
    if how == "remove":
        del tampered[place]
    elif how == "edit":
        field = data.draw(st.sampled_from([*_FIELDS, "prev", "hash"]))
        written = getattr(entries[place], field)
        tampered[place] = replace(
            entries[place], **{field: written + data.draw(st.sampled_from("0x "))}
        )
    elif how == "swap":
        other = data.draw(st.integers(0, len(entries) - 1).filter(lambda n: n != place))
        tampered[place], tampered[other] = tampered[other], tampered[place]
    elif how == "insert":
        ours = replace(entries[place], by="somebody else", prev=entries[place].prev)
        tampered.insert(place, replace(ours, hash=digest(ours)))
    elif how == "cut":
        tampered = tampered[:place]
    elif how == "behead":
        tampered = tampered[max(1, place) :]
    else:
        tampered[place] = replace(entries[place], id=f"{_NOW_MS}-{place + 1}")

    assert problem_of(tampered, head)


@given(chains, st.data())
def test_two_different_entries_have_different_digests(
    rows: list[tuple[str, str, str, str]], data: st.DataObject
) -> None:
    one = forge(rows)[-1]
    # What one field loses another gains: lengths keep them apart.
    first, second = data.draw(st.sampled_from([*pairwise(_FIELDS)]))
    joined = getattr(one, first) + getattr(one, second)
    cut = data.draw(st.integers(0, len(joined)))
    other = replace(one, **{first: joined[:cut], second: joined[cut:]})
    assert (digest(other) == digest(one)) is (other == one)


def test_every_tampering_shows_in_redis(world: World) -> None:
    """Through Redis: the same, by those who have its command line."""
    audit, redis = Audit(world.scripts), world.redis
    for n in range(5):
        audit.record(f"анна {n}", "find", "", "“так”")
    rows = cast("list[_Row]", redis.xrange(world.keys.audit))
    head = str(redis.get(world.keys.audit_head))
    assert audit.verify().problem == ""

    def write(kept: list[_Row]) -> None:
        redis.delete(world.keys.audit)
        for entry_id, fields in kept:
            redis.xadd(world.keys.audit, cast(Any, fields), id=entry_id)

    def set_head(to: str) -> Callable[[], object]:
        return lambda: redis.set(world.keys.audit_head, to)

    changed = {**rows[2][1], "by": "nobody"}
    swapped = [(rows[1][0], rows[2][1]), (rows[2][0], rows[1][1])]
    tamperings: Mapping[str, Callable[[], object]] = {
        "removed": lambda: redis.xdel(world.keys.audit, rows[2][0]),
        "first removed": lambda: redis.xdel(world.keys.audit, rows[0][0]),
        "last removed": lambda: redis.xdel(world.keys.audit, rows[4][0]),
        "changed": lambda: write([*rows[:2], (rows[2][0], changed), *rows[3:]]),
        "swapped": lambda: write([*rows[:1], *swapped, *rows[3:]]),
        "cut": lambda: redis.xtrim(world.keys.audit, maxlen=2, approximate=False),
        "appended": lambda: redis.xadd(world.keys.audit, cast(Any, rows[4][1])),
        "emptied": lambda: redis.delete(world.keys.audit),
        "head gone": lambda: redis.delete(world.keys.audit_head),
        "older head": set_head(read_entry(*rows[3]).head),
        "no head": set_head("nonsense"),
    }  # fmt: skip
    for name, tamper in tamperings.items():
        write(rows)
        redis.set(world.keys.audit_head, head)
        assert audit.verify().problem == "", name
        tamper()
        assert audit.verify().problem != "", name
        # Acts go on, and it stays seen.
        audit.record("later", "find")
        assert audit.verify().problem != "", name
