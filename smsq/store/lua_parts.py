"""Lua parts that scripts share: of them, a script gets the definitions that it uses. Pure.

In:  the parts' text, and the text that uses them. Out: what is needed, in its order.

Redis makes all functions of a script anew in each call, and Lua allows a script 200 local names:
what a script does not use would cost both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = re.compile(r"local function (\w+)")
_NAMES = re.compile(r"local ([\w, ]+?)(?: =|$)")
_MEMBER = re.compile(r"function ([A-Z]+)\.\w+")
_COMMENT = re.compile(r"(?:^|\s)--.*")


@dataclass(frozen=True, slots=True)
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


def pick(parts: Iterable[str], user: str) -> str:
    """Pick out of the parts what `user` needs, directly or not."""
    definitions = [one for part in parts for one in read_definitions(part)]
    wanted = set(_NAME.findall(user))
    picked: set[int] = set()
    is_growing = True
    while is_growing:
        is_growing = False
        for i, one in enumerate(definitions):
            if i not in picked and (not one.names or one.names & wanted):
                picked.add(i)
                wanted |= one.uses
                is_growing = True
    return "".join(definitions[i].text for i in sorted(picked))


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
