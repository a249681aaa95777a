"""A file of phones: one per line, or a CSV with a column of them.

In:  a binary stream. Out: a table whose rows have a column `phone` where the file names none.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from smsq.cli.files.csv_rows import Row, Table
from smsq.cli.files.opening import open_input
from smsq.cli.files.text_lines import MAX_LINE_BYTES

_HEADER = b"phone\n"

#: A first line like this is a phone, and no columns' names.
_PHONE_ALONE = re.compile(rb"[^,;\t]*(?:\d[^,;\t]*){7,}")


class PhoneTable(Table):
    """Phones as a table, read once.

    Args:
        stream: Read to its end, never back.
        name: Of the file, for errors.
        encoding: As somebody told it; None to find out.

    Raises:
        InvalidMessageError: There is nothing in it.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        encoding: str | None = None,
        delimiter: str | None = None,
    ) -> None:
        headed = _Headed(stream)
        self._extra_lines = int(headed.has_own_header)
        super().__init__(cast(BinaryIO, headed), name, encoding, delimiter)

    def rows(self) -> Iterator[Row]:
        """Read row by row, with the numbers of the file's own lines."""
        for row in super().rows():
            yield Row(row.line - self._extra_lines, row.cells)


class _Headed:
    """A stream that begins with a header where the other begins with a phone."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        first = stream.readline(MAX_LINE_BYTES + 1)
        bom = codecs.BOM_UTF8 if first.startswith(codecs.BOM_UTF8) else b""
        self.has_own_header = bool(_PHONE_ALONE.fullmatch(first.removeprefix(bom).strip()))
        self._lines = [first]
        if self.has_own_header:
            self._lines = [first.removeprefix(bom), bom + _HEADER]

    def readline(self, size: int) -> bytes:
        """Read a line, as any stream does."""
        return self._lines.pop() if self._lines else self._stream.readline(size)


@contextmanager
def open_phones(
    file: str, encoding: str | None = None, sheet: str | None = None
) -> Iterator[tuple[PhoneTable, int]]:
    """Open a file of phones, or stdin as `-`; with its size in bytes, 0 when that is not known.

    Raises:
        InvalidMessageError: It cannot be read.
    """
    wanted = "a file of phones"
    with open_input(file, wanted=wanted, encoding=encoding, sheet=sheet) as found:
        yield PhoneTable(found.stream, found.name, found.encoding, found.delimiter), found.size
