"""A text with places for the columns of a table: `Dear {name}, your order {order} is ready`. Pure.

In:  the template. Out: the names of its columns, and the text that a row's cells make of it.

`{{` stands for a brace, and so does `}}`; a single `}` that closes nothing stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from smsq.errors import InvalidMessageError
from smsq.text.layout import compose

_PIECES = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<name>[^{}]*)\}|(?P<stray>\{)")


@dataclass(frozen=True, slots=True)
class Template:
    """A text in pieces.

    Attributes:
        source: The template as it was written.
        columns: Names in braces, as they are written, each once.
    """

    source: str = field(repr=False)
    columns: Sequence[str]
    _literals: Sequence[str] = field(repr=False)
    _places: Sequence[int]

    @property
    def text(self) -> str | None:
        """The text that all rows share; None when there are columns."""
        return None if self.columns else self._literals[0]

    def fill(self, values: Sequence[str]) -> str:
        """Make a row's text.

        Args:
            values: One for each of `columns`.
        """
        pieces = [self._literals[0]]
        for place, literal in zip(self._places, self._literals[1:], strict=True):
            pieces += (values[place], literal)
        return "".join(pieces)


def read_template(text: str) -> Template:
    """Read a template.

    Raises:
        InvalidMessageError: A brace is never closed, or holds no name.
    """
    text = compose(text)
    columns: dict[str, int] = {}
    literals, places = [""], []
    at = 0
    for found in _PIECES.finditer(text):
        literals[-1] += text[at : found.start()]
        at = found.end()
        if found["brace"]:
            literals[-1] += found["brace"][0]
        elif found["name"] and found["name"].strip():
            places.append(columns.setdefault(found["name"].strip(), len(columns)))
            literals.append("")
        else:
            why = "is never closed" if found["stray"] else "holds no column's name"
            raise InvalidMessageError(
                [
                    f"text: the brace at character {found.start() + 1} {why}: write a column as in "
                    "{name}, and {{ for a brace"
                ]
            )
    literals[-1] += text[at:]
    return Template(text, list(columns), literals, places)


def find_empty(columns: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """Find the columns that a row leaves empty, each with what to write instead."""
    return {
        column: "is empty: write what stands in the text there"
        for column, value in zip(columns, values, strict=True)
        if not value
    }
