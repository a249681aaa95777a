"""Lua functions that only one other function needs are defined inside it. Pure.

In:  a script's statements, in their order. Out: the same with functions moved into their users.

Redis makes every function of a script anew in each call, which took a third of a claim's time. What
stands inside another function is made only where that is called.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from smsq.store.lua.parts import Definition

#: Lua allows a function 60 names of what is around it.
_MOST_FROM_OUTSIDE = 55


@dataclass(slots=True)
class _Place:
    """Where one statement goes.

    Attributes:
        parent: Index of the function that it goes into; None for where it is.
        children: Functions that go into this one.
        inside: Indexes of all that goes into it, however deep.
        needs: Indexes of all that it and those take from elsewhere.
    """

    parent: int | None = None
    children: list[int] = field(default_factory=list)
    inside: set[int] = field(default_factory=set)
    needs: set[int] = field(default_factory=set)


class Nesting:
    """The statements of one script, each function as far inside as its users allow.

    Args:
        statements: In their order; a statement sees what was defined before it.
    """

    def __init__(self, statements: Sequence[Definition]) -> None:
        self._all = statements
        self._own_needs = [self._find_needs(i) for i in range(len(statements))]
        self._users: dict[int, list[int]] = defaultdict(list)
        for i, needs in enumerate(self._own_needs):
            for j in needs:
                self._users[j].append(i)
        self._places = [_Place(needs=set(needs)) for needs in self._own_needs]
        for i in reversed(range(len(statements))):
            if self._may_move(i):
                self._move(i)

    def write(self, first: int, last: int) -> str:
        """Write the statements from `first` to before `last`, without those that moved away."""
        return "".join(self._write(i) for i in range(first, last) if not self._has_parent(i))

    @cached_property
    def _defined(self) -> dict[str, list[int]]:
        """Where each name is defined."""
        defined: dict[str, list[int]] = defaultdict(list)
        for i, one in enumerate(self._all):
            for name in one.names:
                defined[name].append(i)
        return defined

    def _find_needs(self, i: int) -> set[int]:
        """Find what a statement may mean by the names in it: what was defined before it."""
        defined = (self._defined[name] for name in self._all[i].uses & self._defined.keys())
        return {places[bisect_left(places, i) - 1] for places in defined if places[0] < i}

    def _may_move(self, i: int) -> bool:
        one = self._all[i]
        return one.is_local_function and all(len(self._defined[name]) == 1 for name in one.names)

    def _move(self, i: int) -> None:
        users = self._users[i]
        if not users or not all(self._all[j].is_function for j in users):
            return
        parent = self._find_common(users)
        while parent is not None and not self._fits(i, parent):
            parent = self._places[parent].parent
        self._places[i].parent = parent
        if parent is not None:
            self._places[parent].children.append(i)
            for above in map(self._places.__getitem__, self._chain(parent)):
                above.inside.add(i)
                above.needs = (above.needs | self._places[i].needs) - above.inside

    def _chain(self, i: int | None) -> list[int]:
        chain = []
        while i is not None:
            chain.append(i)
            i = self._places[i].parent
        return chain

    def _find_common(self, users: Sequence[int]) -> int | None:
        """Find the innermost function around all users, which may be one of them."""
        others = [set(self._chain(j)) for j in users]
        return next((j for j in self._chain(users[0]) if all(j in them for them in others)), None)

    def _fits(self, i: int, parent: int) -> bool:
        """Whether a function finds in there what it found before."""
        values = [j for j in self._places[i].needs if not self._all[j].is_local_function]
        is_all_there = all(j < parent for j in values)
        chain = self._chain(parent)
        names = {name for j in self._own_needs[i] for name in self._all[j].names}
        is_hidden = any(names & self._all[j].parameters for j in chain) or any(
            sum(self._all[j].is_local for j in self._defined[name]) > 1 for name in names
        )
        above = [self._places[j] for j in chain]
        most = max(len((one.needs | self._places[i].needs) - one.inside) for one in above)
        return is_all_there and not is_hidden and most <= _MOST_FROM_OUTSIDE

    def _has_parent(self, i: int) -> bool:
        return self._places[i].parent is not None

    def _write(self, i: int) -> str:
        children = sorted(self._places[i].children)
        return self._all[i].with_inside("".join(map(self._write, children)))
