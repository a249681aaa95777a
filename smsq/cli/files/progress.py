"""Progress of a long reading, on a terminal's stderr.

In:  steps, and where the reading stands. Out: the same steps, with a bar that moves: rows, rows per
second, and the time left where the size is known, else the time passed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from smsq.cli.files.csv_rows import Table
from smsq.cli.output import make_console

#: Rows between two movements of the bar.
_ROWS_PER_STEP = 100


def show_progress(steps: Iterable[None], table: Table, size_bytes: int) -> Iterator[None]:
    """Pass steps on and show how far the table is read.

    Args:
        steps: One per row.
        table: Where they come from.
        size_bytes: Of the file; 0 when it is not known.
    """
    known: tuple[ProgressColumn, ...] = (TaskProgressColumn(), TimeRemainingColumn(compact=True))
    columns = (
        TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[per_s]:,.0f}/s"),
        BarColumn(),
        *(known if size_bytes else (TimeElapsedColumn(),)),
    )
    began_s = time.monotonic()
    with Progress(*columns, console=make_console(err=True), transient=True) as progress:
        task = progress.add_task("", total=size_bytes or None, rows=0, per_s=0.0)
        for row, step in enumerate(steps, start=1):
            if row % _ROWS_PER_STEP == 0:
                per_s = row / (time.monotonic() - began_s)
                progress.update(task, completed=table.lines.bytes_read, rows=row, per_s=per_s)
            yield step
