"""Files that a command reads: by name, or stdin as `-`.

In:  what the command line says. Out: a stream of CSV, its name for people, and its size.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import click

from smsq.cli.files.encodings import KNOWN
from smsq.cli.files.workbooks import DELIMITER, STARTS, read_workbook
from smsq.cli.params import to_unicode
from smsq.errors import InvalidMessageError

encoding_option = click.option(
    "--encoding",
    type=click.Choice(KNOWN, case_sensitive=False),
    help="Of the file; else UTF-8 where it is that, or a guess at cp1251.",
)


sheet_option = click.option(
    "--sheet",
    callback=to_unicode,
    metavar="NAME",
    help="Of a workbook (XLSX, ODS, XLS) with several sheets.",
)


@dataclass(frozen=True, slots=True)
class Input:
    """A file that is being read.

    Attributes:
        stream: Its content, as CSV.
        name: For people.
        size: In bytes; 0 when that is not known.
        encoding: What it is for certain; None to find out.
        delimiter: What stands between its cells; None to find out.
    """

    stream: BinaryIO
    name: str
    size: int = 0
    encoding: str | None = None
    delimiter: str | None = None


@contextmanager
def open_input(
    file: str, *, wanted: str, encoding: str | None = None, sheet: str | None = None
) -> Iterator[Input]:
    """Open a CSV file or a workbook, or stdin as `-`.

    Args:
        file: As the command line names it.
        wanted: What should be named instead of a file that cannot be read, as in "a CSV file".
        encoding: As `--encoding` says.
        sheet: As `--sheet` says.

    Raises:
        InvalidMessageError: It cannot be read.
    """
    if file == "-":
        if sys.stdin is None:  # cron and services may close it
            raise InvalidMessageError([f"stdin is closed: name {wanted}"])
        yield _read(Input(sys.stdin.buffer, "stdin", encoding=encoding), sheet)
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        why = f"{file}: cannot be read ({error.strerror}): name {wanted}"
        raise InvalidMessageError([why]) from None
    with stream:
        size = os.fstat(stream.fileno()).st_size
        yield _read(Input(stream, file, size, encoding), sheet)


def _read(found: Input, sheet: str | None) -> Input:
    """Read a workbook as the CSV that it would be saved as; leave any other file as it is."""
    if not (isinstance(found.stream, BufferedReader) and _begins_as_workbook(found.stream)):
        if sheet is not None:
            raise InvalidMessageError([f"{found.name}: is no workbook: leave --sheet out"])
        return found
    if found.encoding:
        raise InvalidMessageError([f"{found.name}: is a workbook: leave --encoding out"])
    stream = read_workbook(found.stream, found.name, sheet)
    return Input(stream, found.name, 0, "utf-8", DELIMITER)


def _begins_as_workbook(stream: BufferedReader) -> bool:
    try:
        return stream.peek(len(STARTS[0])).startswith(STARTS)
    except OSError:
        return False  # whoever reads it finds out why
