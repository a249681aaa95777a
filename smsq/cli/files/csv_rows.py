"""Rows of a CSV file, by the names in its header, as they stream in.

In:  a binary stream. Out: rows with the number of the line they begin on, or `InvalidMessageError`.

What the file holds is not repeated in errors, but for the names of its columns.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from smsq.cli.files.text_lines import Lines
from smsq.text.layout import compose

#: What may stand between cells; the header's line decides.
_DELIMITERS = ",;\t"

#: A cell of the first line with so many digits is a phone and no column's name.
_PHONE_DIGITS = 7
_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)

_MAX_NAMES, _MAX_NAME = 20, 30

#: What the csv module says, by a piece of it, and what it means.
_ERRORS = {
    "end of data": "a quotation mark is opened here and never closed",
    "field larger": "a cell is too long, or a quotation mark is opened here and never closed",
    "expected after": 'a quotation mark within a quoted cell must be written twice: ""',
    "new-line": "save the file with ordinary line ends",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        line: Of the file, counted from 1, where the row begins.
        cells: As many as the header has, or more.
    """

    line: int
    cells: Sequence[str] = field(repr=False)


class Table:
    """A CSV file with a header, read once.

    Args:
        stream: Read to its end, never back.
        name: Of the file, for errors.
        encoding: As somebody told it; None to find out.
        delimiter: What stands between cells; None to find out.

    Raises:
        InvalidMessageError: There is no header.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        encoding: str | None = None,
        delimiter: str | None = None,
    ) -> None:
        self.lines = Lines(stream, name, encoding)
        first = self._next_line()
        # How Excel marks a file for itself.
        told = _SEPARATOR.fullmatch(first.rstrip("\r\n"))
        first = self._next_line() if told else first
        guess = told[1] if told else max(_DELIMITERS, key=first.count)
        self.delimiter = delimiter or guess
        self._reader = csv.reader(chain([first], self.lines), delimiter=self.delimiter, strict=True)
        header = self._next_cells(self.lines.number)
        if not header:
            raise self.lines.mistake("is empty: write a header and at least one row")
        self.header: Sequence[str] = [compose(name).strip() for name in header]

    def _next_line(self) -> str:
        return next((line for line in self.lines if line.strip()), "")

    def find_columns(self, wanted: Sequence[tuple[str, str]]) -> list[int]:
        """Find columns by their names, in any case.

        Args:
            wanted: Pairs of the command line's option that names a column, and the name.

        Raises:
            InvalidMessageError: One is not there, or twice; says which columns there are.
        """
        names = [name.casefold() for name in self.header]
        wanted = [(option, compose(name).strip()) for option, name in wanted]
        # Columns may be called by dates and account numbers; no header has none of those asked for.
        has_some = any(name.casefold() in names for _, name in wanted)
        if not has_some and any(_is_phone(name) for name in self.header):
            example = self.delimiter.join(("phone", "text"))
            raise self.lines.mistake(
                f"has no header: write the names of its columns as the first line, as in {example}"
            )
        mistakes = []
        for option, name in wanted:
            if names.count(name.casefold()) > 1:
                mistakes.append(f"column {name} occurs twice: rename one of them")
            elif name.casefold() not in names:
                mistakes.append(
                    f"has no column {name[:_MAX_NAME]}: write one of its columns with {option}: "
                    f"{self._list_names()}"
                )
        if mistakes:
            raise self.lines.mistake(*mistakes)
        return [names.index(name.casefold()) for _, name in wanted]

    def rows(self) -> Iterator[Row]:
        """Read row by row; rows without anything in them are left out.

        Raises:
            InvalidMessageError: From here on it is no CSV.
        """
        while True:
            line = self.lines.number + 1
            cells = self._next_cells(line)
            if cells is None:
                return
            if "".join(cells).strip():
                missing = len(self.header) - len(cells)
                yield Row(line, cells + [""] * missing if missing > 0 else cells)

    def count_extra(self, row: Row) -> int:
        """Count cells that no column's name stands over; an unquoted comma in a text makes one."""
        size = len(self.header)
        if len(row.cells) == size:
            return 0
        return len(row.cells) if any(cell.strip() for cell in row.cells[size:]) else 0

    def _next_cells(self, line: int) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            meaning = next((m for piece, m in _ERRORS.items() if piece in str(error)), "is no CSV")
            raise self.lines.mistake(f"line {line}: {meaning}") from None

    def _list_names(self) -> str:
        shown = [name[:_MAX_NAME] for name in self.header[:_MAX_NAMES] if name]
        return ", ".join(shown) or "none has a name"


def _is_phone(cell: str) -> bool:
    return sum(c.isdigit() for c in cell) >= _PHONE_DIGITS
