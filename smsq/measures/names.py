"""Names that callers choose, where they are counted: the first ones have a number each. Pure.

In:  fields as scripts write them (measure.lua), and names that have a number already. Out: the same
fields, where names past a bound share one.

A name that has a number keeps it: a counter that goes from one name to another would go down.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

#: Most senders and country codes with a number of their own, by the letter of their fields.
MOST: Mapping[str, int] = MappingProxyType({"f": 20, "k": 40})

#: What the others are called.
OTHER = "other"

#: Fields of the totals that say that a name has a number.
KNOWN = "known|"

_NAMED = re.compile(r"([fk]\|.*)\|([a-z])", re.DOTALL)


def read_known(fields: Iterable[str]) -> frozenset[str]:
    """Read which names have a number, as `f|<sender>` and `k|<country code>`."""
    return frozenset(field.removeprefix(KNOWN) for field in fields if field.startswith(KNOWN))


def leave_out_notes(totals: Mapping[str, int]) -> dict[str, int]:
    """Leave out the fields of the totals that count nothing."""
    return {
        field: number
        for field, number in totals.items()
        if "|" in field and not field.startswith(KNOWN)
    }


def admit(fields: Mapping[str, int], known: frozenset[str]) -> frozenset[str]:
    """Choose names that get a number, the largest first, while there is room.

    Args:
        fields: What was measured.
        known: Names that have one already.

    Returns:
        Only the new ones.
    """
    sizes: Counter[str] = Counter()
    for field, number in fields.items():
        if (named := _NAMED.fullmatch(field)) and named[1] not in known:
            sizes[named[1]] += number
    taken: Counter[str] = Counter(name[0] for name in known)
    new = set()
    for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        if taken[name[0]] < MOST[name[0]]:
            taken[name[0]] += 1
            new.add(name)
    return frozenset(new)


def bound(fields: Mapping[str, int], known: frozenset[str]) -> dict[str, int]:
    """Add up under one name what has no number of its own."""
    found: Counter[str] = Counter()
    for field, number in fields.items():
        named = _NAMED.fullmatch(field)
        is_other = named is not None and named[1] not in known
        found[f"{field[0]}|{OTHER}|{field[-1]}" if is_other else field] += number
    return dict(found)
