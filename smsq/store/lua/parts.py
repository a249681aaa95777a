"""Lua parts that scripts share: of them, a script gets the definitions that it uses. Pure.

In:  the parts' statements, and those that use them. Out: what is needed, in its order.

Redis makes all functions of a script anew in each call, and Lua allows a script 200 local names:
what a script does not use would cost both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

_NAME = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = re.compile(r"local function (\w+)")
#: A local function, or one of a table.
_HEAD = re.compile(r"(?:local )?function [\w.]+\(([^)]*)\)")
_NAMES = re.compile(r"local ([\w, ]+?)(?: =|$)")
_MEMBER = re.compile(r"function ([A-Z]+)\.\w+")
_COMMENT = re.compile(r"(?:^|\s)--.*")


@dataclass(frozen=True)
class Definition:
    """One statement of a part, as it begins in the first column.

    Attributes:
        names: Local names that it makes, or the table that it adds to; empty for a statement that
            has to be there.
        uses: All names in it.
    """

    text: str
    names: frozenset[str]
    uses: frozenset[str]

    @cached_property
    def is_function(self) -> bool:
        """True for a function, be it a table's."""
        return _HEAD.match(self.text) is not None

    @cached_property
    def is_local(self) -> bool:
        """True for a statement that begins new names, and not for one that adds to a table."""
        return self.text.startswith("local ")

    @cached_property
    def is_local_function(self) -> bool:
        """True for a function with a name of its own."""
        return _FUNCTION.match(self.text) is not None

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of a function's parameters."""
        head = _HEAD.match(self.text)
        return frozenset(_NAME.findall(head[1]) if head else ())

    def with_inside(self, text: str) -> str:
        """Write a function with other definitions at the beginning of its body."""
        head = _HEAD.match(self.text)
        if not text or not head:
            return self.text
        return f"{head[0]}\n{text}{self.text[head.end() :].lstrip()}"


def pick(shared: Sequence[Definition], users: Iterable[Definition]) -> list[Definition]:
    """Pick of what is shared, in its order, what users need, directly or not.

    Statements that define nothing are always picked.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    for i, one in enumerate(shared):
        for name in one.names:
            by_name[name].append(i)
    picked: set[int] = set()
    new = [*users, *(one for one in shared if not one.names)]
    while new:
        names = new.pop().uses & by_name.keys()
        found = {i for name in names for i in by_name[name]} - picked
        picked |= found
        new += [shared[i] for i in found]
    return [one for i, one in enumerate(shared) if i in picked or not one.names]


def read_definitions(part: str) -> Iterator[Definition]:
    """Cut a part into its statements: each goes on to the next that begins in the first column.

    A line that ends what was begun (`end`, `}`, `)`) begins none.
    """
    lines: list[str] = []
    for raw in part.splitlines():
        line = _COMMENT.sub("", raw).rstrip()
        if not line:
            continue
        begins = not line[0].isspace() and line[0] not in "})" and not line.startswith("end")
        if begins and lines:
            yield _define(lines)
            lines = []
        lines.append(line)
    if lines:
        yield _define(lines)


def _define(lines: list[str]) -> Definition:
    text = "\n".join(lines) + "\n"
    function = _FUNCTION.match(text)
    several = _NAMES.match(lines[0]) or _MEMBER.match(lines[0])
    names = [function[1]] if function else re.split(r", *", several[1]) if several else []
    return Definition(text, frozenset(names), frozenset(_NAME.findall(text)))
