"""Places for columns as other tools write them: `{{name}}`, `${name}`, `%name%`, `[name]`. Pure.

In:  a text, and the columns of the table it is sent with. Out: what looks like a place for one of
them and would not be filled in, so that nobody is called "Dear {name}".

What stands between such marks is a mistake only where it names a column: `[Sale]` may be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: Longest name that is looked for.
_INSIDE = r"[^{}\[\]<>\n]{1,60}?"

#: Marks of other tools around a name. One `{name}` alone is ours and not among them.
_FOREIGN = (
    rf"\{{{{2,}}({_INSIDE})\}}+",  # {{name}}, {{{name}}}, {{name}
    rf"(?<!\{{)\{{({_INSIDE})\}}{{2,}}",  # {name}}
    rf"[$%](?<!\\)\{{({_INSIDE})\}}",  # ${name}, %{name}
    rf"[$%]\(({_INSIDE})\)",  # $(name), %(name)s
    r"\$(\w{1,60})",  # $name
    rf"\[+({_INSIDE})\]+",  # [name], [[name]]
    rf"<+[%=?]*({_INSIDE})[%?]*>+",  # <name>, <<name>>, <%= name %>
    rf"[«‹【｛]({_INSIDE})[»›】｝]",  # noqa: RUF001 - as word processors write it
    r"([%#@|~^])\1*(?P<same>[^\s%#@|~^{}][^%#@|~^{}\n]{0,59}?)\1+",  # %name%, ##name##, |name|
    r"__(\w{1,60}?)__",
    rf"\({{2,}}({_INSIDE})\){{2,}}",  # ((name))
)
_MARK = re.compile(r"[{}\[<$%#@|~^«‹【｛]|__|\(\(")  # noqa: RUF001
_OWN = rf"\{{({_INSIDE})\}}"

#: What a name may stand among: `{{ customer.name | title }}`.
_AMONG = re.compile(r"[|:.?()=%\"']+")
_NO_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something that looks like a place for a column.

    Attributes:
        written: As it stands in the text.
        at: Where it begins, counted from 1.
        column: The name it would stand for, as the table has it.
    """

    written: str
    at: int
    column: str


class Placeholders:
    """Looks for places of a table's columns in texts.

    Args:
        columns: Their names.
        with_own: True also finds `{name}`: for texts that are no templates.
    """

    def __init__(self, columns: Sequence[str], *, with_own: bool = False) -> None:
        self._columns = {squash(name): name for name in columns if squash(name)}
        self._patterns = [re.compile(pattern) for pattern in (*_FOREIGN, *[_OWN] * with_own)]

    def find(self, text: str) -> Foreign | None:
        """Find the first one; None where there is none."""
        if not _MARK.search(text):
            return None  # as nearly all texts of a column
        found = list(self._find_all(text))
        return min(found, key=lambda one: (one.at, -len(one.written)), default=None)

    def _find_all(self, text: str) -> Iterator[Foreign]:
        for pattern in self._patterns:
            for match in pattern.finditer(text):
                inside = match.groupdict().get("same") or match[1]
                if column := self._read_column(inside):
                    yield Foreign(match[0], match.start() + 1, column)

    def _read_column(self, inside: str) -> str | None:
        names = [inside, *_AMONG.split(inside)]
        return next((self._columns[n] for n in map(squash, names) if n in self._columns), None)


def squash(name: str) -> str:
    """Bring names together that people take for one: `First name`, `first_name`, `FIRSTNAME`."""
    return _NO_LETTERS.sub("", name).casefold()
