"""Lines of a text file whose encoding nobody told: UTF-8, with or without BOM, or cp1251.

In:  a binary stream. Out: decoded lines, one at a time, their number and bytes counted.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from smsq.errors import InvalidMessageError

#: A longer line is no row of a CSV file.
MAX_LINE_BYTES = 1024 * 1024

#: How files begin that are no CSV, and what they are.
_FOREIGN = {
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"PK\x03\x04": "an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
}


class Lines(Iterator[str]):
    """Decodes line by line; the first line outside ASCII decides which encoding it is.

    Attributes:
        number: Lines read so far.
        bytes_read: Bytes read so far.
        encoding: None while every line was ASCII.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.number = 0
        self.bytes_read = 0
        self.has_bom = False
        self.encoding: str | None = None
        self._stream = stream
        self._name = name

    def __next__(self) -> str:
        try:
            raw = self._stream.readline(MAX_LINE_BYTES + 1)
        except OSError as error:
            raise self.mistake(f"cannot be read ({error.strerror})") from None
        if not raw:
            raise StopIteration
        self.number += 1
        self.bytes_read += len(raw)
        if self.number == 1:
            raw = self._check_start(raw)
        if len(raw) > MAX_LINE_BYTES:
            raise self.mistake(f"line {self.number} is longer than 1 MB: write one row per line")
        return self._decode(raw)

    def mistake(self, *mistakes: str) -> InvalidMessageError:
        """Make the error that names the file."""
        return InvalidMessageError([f"{self._name}: {what}" for what in mistakes])

    def _check_start(self, raw: bytes) -> bytes:
        for start, what in _FOREIGN.items():
            if raw.startswith(start):
                raise self.mistake(f"is {what}: save it as CSV in UTF-8")
        self.has_bom = raw.startswith(codecs.BOM_UTF8)
        if self.has_bom:
            self.encoding = "utf-8"
        return raw.removeprefix(codecs.BOM_UTF8)

    def _decode(self, raw: bytes) -> str:
        if raw.isascii():
            return raw.decode("ascii")
        for encoding in [self.encoding] if self.encoding else ["utf-8", "cp1251"]:
            try:
                decoded = raw.decode(encoding)
            except UnicodeDecodeError:
                continue
            self.encoding = encoding
            return decoded
        told = f"no {self.encoding.upper()} as the lines before it" if self.encoding else "no text"
        raise self.mistake(f"line {self.number} is {told}: save the file in UTF-8")
