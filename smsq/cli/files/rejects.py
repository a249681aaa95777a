"""The file of rows that could not be sent, ready to be mended and sent again.

In:  rows and their mistakes. Out: a CSV file with the columns of the original after `line`,
`column`, `reason`; only its owner may read it, for it holds phones. No bad row, no file.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from smsq.cli.files.csv_rows import Row, Table
from smsq.cli.output import say_number
from smsq.errors import InvalidMessageError

_OURS = ["line", "column", "reason"]

#: Most mistakes kept to be shown.
_MAX_SHOWN = 5


class Rejects:
    """Writes bad rows; use as a context manager.

    Args:
        path: None counts them only.
        table: Where they come from.

    Attributes:
        count: Rows written.
        shown: The first few mistakes in words.
    """

    def __init__(self, path: Path | None, table: Table) -> None:
        self.path = path
        self.count = 0
        self.shown: list[str] = []
        self._table = table
        # A file of rejects that is sent again has our columns already.
        self._skip = len(_OURS) if list(table.header[: len(_OURS)]) == _OURS else 0
        self._file: TextIO | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, row: Row, mistakes: Mapping[str, str]) -> None:
        """Write one row.

        Args:
            row: As it was read.
            mistakes: Name of a column → what is wrong with it and what to write instead.
        """
        columns, reasons = ", ".join(mistakes), "; ".join(mistakes.values())
        self.count += 1
        if len(self.shown) < _MAX_SHOWN:
            self.shown.append(f"line {row.line}: {reasons}")
        if self.path:
            self._write(self.path, [row.line, columns, reasons, *row.cells[self._skip :]])

    def _write(self, path: Path, cells: Sequence[object]) -> None:
        try:
            if self._file is None:
                self._open(path)
            self._writer.writerow(cells)
        except OSError as error:
            why = f"rejects cannot be written to {path} ({error.strerror})"
            raise InvalidMessageError([f"{why}: name another file with --rejects"]) from None

    def _open(self, path: Path) -> None:
        # Removed first: an older file might be a link, or be readable to others.
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        lines = self._table.lines
        # Excel takes a file without a BOM for cp1251, or what else the original was.
        is_plain = not lines.has_bom and lines.encoding in {None, "utf-8"}
        encoding = "utf-8" if is_plain else "utf-8-sig"
        self._file = os.fdopen(descriptor, "w", encoding=encoding, newline="")
        self._writer = csv.writer(self._file, delimiter=self._table.delimiter, lineterminator="\n")
        self._writer.writerow([*_OURS, *self._table.header[self._skip :]])


def no_row_error(table: Table, rejects: Rejects) -> InvalidMessageError:
    """Make the error for a file in which no row can be sent."""
    if not rejects.count:
        return table.lines.mistake("has no rows below its header: write at least one")
    error = table.lines.mistake("no row can be sent, nothing was stored", *rejects.shown)
    more = rejects.count - len(rejects.shown)
    told = [f"... and {say_number(more, 'row')} more: see {rejects.path}"] if more else []
    return InvalidMessageError([*error.mistakes, *told])
