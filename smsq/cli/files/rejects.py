"""The file of rows that could not be sent, ready to be mended and sent again.

In:  rows and their mistakes. Out: a CSV file with the columns of the original after `line`,
`column`, `reason`; only its owner may read it, for it holds phones. No bad row, no file.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

from smsq.cli.files.csv_rows import Row, Table
from smsq.cli.files.private_files import STDOUT, open_private
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
        self._files = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._files.close()

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
            if self._writer is None:
                self._open(path)
            self._writer.writerow(cells)
        except OSError as error:
            why = f"rejects cannot be written to {path} ({error.strerror})"
            raise InvalidMessageError([f"{why}: name another file with --rejects"]) from None

    def _open(self, path: Path) -> None:
        lines = self._table.lines
        # Excel takes a file without a BOM for cp1251, or what else the original was.
        is_plain = not lines.has_bom and lines.encoding in {None, "utf-8"}
        encoding = "utf-8" if is_plain else "utf-8-sig"
        file = self._files.enter_context(open_private(path, encoding))
        self._writer = csv.writer(file, delimiter=self._table.delimiter, lineterminator="\n")
        self._writer.writerow([*_OURS, *self._table.header[self._skip :]])


def choose_rejects(file: str, wanted: Path | None, *, as_json: bool) -> Path:
    """Choose where bad rows go: to the file that was named, or beside the one that is read.

    Raises:
        click.UsageError: That is the file itself, or stdout where the JSON goes.
    """
    stem = file.removesuffix(".csv").removesuffix(".txt")
    path = wanted or Path("rejects.csv" if file == STDOUT else f"{stem}.rejects.csv")
    if str(path) == STDOUT:
        if as_json:
            raise click.UsageError("--rejects - and --json both write to stdout: name a file")
    elif file != STDOUT and path.resolve() == Path(file).resolve():
        raise click.UsageError("--rejects is the file itself: name another one")
    return path


def no_row_error(table: Table, rejects: Rejects) -> InvalidMessageError:
    """Make the error for a file in which no row can be sent."""
    if not rejects.count:
        return table.lines.mistake("has no rows below its header: write at least one")
    error = table.lines.mistake("no row can be sent, nothing was stored", *rejects.shown)
    more = rejects.count - len(rejects.shown)
    told = [f"... and {say_number(more, 'row')} more: see {rejects.path}"] if more else []
    return InvalidMessageError([*error.mistakes, *told])
