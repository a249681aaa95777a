"""Workbooks (XLSX, ODS, XLS) as the CSV that they would be saved as.

In:  a stream that begins as a workbook does. Out: a stream of CSV in UTF-8, one line for each row.

Cells are what they hold, not how the sheet shows them: a number is written with its digits, a date
as `2026-11-24`. What must look as in the sheet has to be text there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO

from smsq.errors import InvalidMessageError

#: How workbooks begin: a ZIP archive, and what Excel wrote before 2007.
STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

#: Between the cells of what is made of a workbook.
DELIMITER = ","

#: What a formula that failed shows: no text for anybody.
_ERRORS = {"#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!"}

#: Excel keeps so many digits of a number.
_DIGITS = 15

_MIDNIGHT = time()


def read_workbook(stream: BinaryIO, name: str, sheet: str | None) -> BinaryIO:
    """Read one sheet as CSV.

    Args:
        stream: The workbook, at its beginning.
        name: Of the file, for errors.
        sheet: Which sheet; None where only one has anything in it.

    Raises:
        InvalidMessageError: It cannot be read, or which sheet is not clear.
    """
    try:
        import python_calamine as calamine  # noqa: PLC0415 - only who sends workbooks has it
    except ImportError:
        raise _refuse(
            f'{name}: is a workbook: run `pip install "smsq[excel]"`, or save it as CSV in UTF-8'
        ) from None
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
        chosen = _choose(book, name, sheet)
        return _write(chosen.to_python(skip_empty_area=False))
    except InvalidMessageError:
        raise
    except (calamine.CalamineError, OSError, ValueError):
        why = "cannot be read as a workbook: save it anew, or as CSV in UTF-8"
        raise _refuse(f"{name}: {why}") from None


def _choose(book: Any, name: str, sheet: str | None) -> Any:
    """Choose the sheet that was named, or the only one with anything in it."""
    names = book.sheet_names
    if sheet is not None:
        if sheet not in names:
            raise _refuse(f"{name}: has no sheet {sheet}: write one of {', '.join(names)}")
        return book.get_sheet_by_name(sheet)
    sheets = [book.get_sheet_by_name(one) for one in names]
    filled = [one for one in sheets if one.total_height]
    if len(filled) > 1:
        filled_names = ", ".join(one.name for one in filled)
        raise _refuse(f"{name}: has several sheets: write one of them with --sheet: {filled_names}")
    return filled[0] if filled else sheets[0]


def _write(rows: Iterable[Iterable[object]]) -> BinaryIO:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=DELIMITER, lineterminator="\n")
    for row in rows:
        cells = [write_cell(cell) for cell in row]
        # Rows without anything count as lines, so that errors name the sheet's own row.
        writer.writerow(cells if any(cells) else [""])
    return io.BytesIO(file.getvalue().encode(errors="surrogatepass"))


def write_cell(cell: object) -> str:
    """Write what a cell holds; "" for a formula that failed. Pure."""
    if isinstance(cell, str):
        return "" if cell in _ERRORS else cell
    return next((write(cell) for kind, write in _WRITERS if isinstance(cell, kind)), str(cell))


def _write_number(number: float) -> str:
    return str(int(number)) if number.is_integer() else f"{number:.{_DIGITS}g}"


def _write_moment(moment: datetime) -> str:
    is_day = moment.time() == _MIDNIGHT
    return moment.date().isoformat() if is_day else moment.isoformat(" ", "minutes")


def _write_span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes // 60}:{minutes % 60:02}"


#: How the cells of a kind are written; a moment is a date, too, and so comes first.
_WRITERS: Sequence[tuple[type[Any], Callable[[Any], str]]] = (
    (bool, lambda yes: str(yes).upper()),
    (float, _write_number),
    (datetime, _write_moment),
    (date, date.isoformat),
    (time, lambda moment: moment.isoformat("minutes")),
    (timedelta, _write_span),
)


def _refuse(mistake: str) -> InvalidMessageError:
    return InvalidMessageError([mistake])
