"""Lines of a text file: UTF-8, with or without BOM, cp1251, or what `--encoding` says.

In:  a binary stream. Out: decoded lines, one at a time, their number and bytes counted.

UTF-8 is recognised, cp1251 only guessed; so every line that follows may prove the guess wrong, and
then nothing of the file is used.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from smsq.cli.files.encodings import Guess, is_meant_as_utf8, may_be_utf8
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
_UTF8, _GUESS = "utf-8", "cp1251"


class Lines(Iterator[str]):
    """Decodes line by line; what is outside ASCII decides which encoding it is.

    Args:
        stream: Read to its end, never back.
        name: Of the file, for errors.
        encoding: As somebody told it; None to find out.

    Attributes:
        number: Lines read so far.
        bytes_read: Bytes read so far.
        encoding: None while every line was ASCII and nobody told.
        is_refuted: True once the encoding of the lines before turned out to be wrong.
    """

    def __init__(self, stream: BinaryIO, name: str, encoding: str | None = None) -> None:
        self.number = 0
        self.bytes_read = 0
        self.has_bom = False
        self.encoding = encoding
        self.is_refuted = False
        self._is_told = encoding is not None
        self._since = 0  # the line that decided
        self._guess = Guess()
        self._stream = stream
        self._name = name

    def __next__(self) -> str:
        raw = self._read()
        if not raw:
            if self.is_guessed and (better := self._guess.doubt()):
                raise self._refuse_guess(better)
            raise StopIteration
        if self.number == 1:
            raw = self._check_start(raw)
        if len(raw) > MAX_LINE_BYTES:
            raise self.mistake(f"line {self.number} is longer than 1 MB: write one row per line")
        return self._decode(raw)

    @property
    def is_guessed(self) -> bool:
        """True while nothing but its words speak for the encoding."""
        return self.encoding == _GUESS and not self._is_told

    def mistake(self, *mistakes: str) -> InvalidMessageError:
        """Make the error that names the file."""
        return InvalidMessageError([f"{self._name}: {what}" for what in mistakes])

    def _read(self) -> bytes:
        try:
            raw = self._stream.readline(MAX_LINE_BYTES + 1)
        except OSError as error:
            raise self.mistake(f"cannot be read ({error.strerror})") from None
        self.number += bool(raw)
        self.bytes_read += len(raw)
        return raw

    def _check_start(self, raw: bytes) -> bytes:
        for start, what in _FOREIGN.items():
            if raw.startswith(start):
                raise self.mistake(f"is {what}: save it as CSV in UTF-8")
        self.has_bom = raw.startswith(codecs.BOM_UTF8)
        if self.has_bom:
            if self.encoding not in {None, _UTF8}:
                raise self.mistake(f"is marked as UTF-8: leave --encoding {self.encoding} out")
            self.encoding, self._since = _UTF8, 1
        return raw.removeprefix(codecs.BOM_UTF8)

    def _decode(self, raw: bytes) -> str:
        if raw.isascii():
            return raw.decode("ascii")
        if self.encoding is None:
            self._choose(raw)
        elif self.is_guessed and may_be_utf8(raw) and is_meant_as_utf8(raw):
            self.is_refuted = True
            raise self._contradiction(self._since, self.number)
        try:
            decoded = raw.decode(self.encoding or _UTF8)
        except UnicodeDecodeError:
            raise self._undecodable() from None
        if self.is_guessed and (better := self._guess.weigh(raw)):
            raise self._refuse_guess(better)
        return decoded

    def _choose(self, raw: bytes) -> None:
        """Choose the encoding by the first line outside ASCII."""
        self._since = self.number
        try:
            raw.decode(_UTF8)
        except UnicodeDecodeError:
            if is_meant_as_utf8(raw):
                raise self._contradiction(self.number, self._find_utf8()) from None
            self.encoding = _GUESS
        else:
            self.encoding = _UTF8

    def _find_utf8(self) -> int | None:
        """Find a line further down that is UTF-8, to name it; nothing is read after that."""
        while raw := self._read():
            if not raw.isascii() and may_be_utf8(raw) and is_meant_as_utf8(raw):
                return self.number
        return None

    def _refuse_guess(self, better: str) -> InvalidMessageError:
        self.is_refuted = True
        return self.mistake(
            f"line {self._since} is no UTF-8, and makes no sense in {_GUESS} ({better} fits better"
            "): save the file in UTF-8, or say with --encoding what it is"
        )

    def _contradiction(self, broken: int, other: int | None) -> InvalidMessageError:
        found = f"line {broken} is no UTF-8"
        if other:
            found += f", and line {other} is"
        else:
            found += ", but most of it is, as if a letter was cut in half"
        return self.mistake(
            f"{found}: correct line {broken} and save the file in UTF-8, "
            "or say with --encoding what it is"
        )

    def _undecodable(self) -> InvalidMessageError:
        if self._is_told:
            told = f"no {str(self.encoding).upper()}, which --encoding says"
            return self.mistake(f"line {self.number} is {told}: name another, or correct the line")
        if self.encoding is None or self._since == self.number:
            return self.mistake(f"line {self.number} is no text: save the file in UTF-8")
        told = f"no {self.encoding.upper()} as the lines before it (line {self._since} is)"
        what = "save the file in UTF-8, or say with --encoding what it is"
        return self.mistake(f"line {self.number} is {told}: {what}")
