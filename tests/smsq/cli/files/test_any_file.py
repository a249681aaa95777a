"""Files as people and spreadsheets write them: the phones and texts that were meant, or an error.

The oracle knows what was meant, for it wrote the file.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smsq.cli.files.csv_rows import Table
from smsq.cli.files.encodings import KNOWN
from smsq.errors import InvalidMessageError
from smsq.text.layout import compose
from smsq.text.phones import normalize_phone
from tests.conftest import is_deep

#: How phones are written, with the number that is meant; None where nobody can know it.
PHONES = {
    "375291234567": "375291234567",
    "+375 29 123-45-67": "375291234567",
    "80 29 123 45 67": "375291234567",
    "375291234567.0": "375291234567",
    '="375291234567"': "375291234567",
    "'+375291234567": "375291234567",
    "+375\u00a0(29)\u00a0123\u201345\u201367": "375291234567",
    "\u202a+375291234567\u202c": "375291234567",
    "+7 916 123-45-67": "79161234567",
    "3.75291E+11": None,
    "12": None,
    "": None,
}
TEXTS = (
    *("Ваш заказ 8 готов, ждём вас до 20:00", "Оплата за ноябрь; не поступила", "Анна", "Café à 5"),
    *("Your code is 4821", 'says "hi", twice', "two\nlines", "00123", "=1+1", "10 €", "  spaces  "),
)
#: As little as possible, or every cell.
QUOTING: tuple[Literal[0], Literal[1]] = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
HEADERS = ("text", "Text", "Текст", "Долг на 24.11.2026", "cf_1234567", "Номер мобильный")


@dataclass(frozen=True)
class File:
    """What is in a file, and how it is written."""

    rows: tuple[tuple[str, str], ...]
    header: str
    encoding: str
    is_told: bool
    delimiter: str
    quoting: Literal[0, 1]
    line_end: str
    has_mark: bool
    is_apart: bool

    @property
    def content(self) -> bytes:
        buffer = io.StringIO(newline="")
        writer = csv.writer(
            buffer, delimiter=self.delimiter, quoting=self.quoting, lineterminator=self.line_end
        )
        header = unicodedata.normalize("NFD", self.header) if self.is_apart else self.header
        writer.writerows([["phone", header], *self.rows])
        mark = f"sep={self.delimiter}{self.line_end}" if self.has_mark else ""
        return (mark + buffer.getvalue()).encode(self.encoding)

    @property
    def is_certain(self) -> bool:
        """Whether nothing about the file has to be guessed."""
        return self.is_told or self.encoding in {"utf-8", "utf-8-sig"}


def fits(text: str, encoding: str) -> bool:
    """Whether an encoding has all letters."""
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeError:
        return False


@st.composite
def files(draw: st.DrawFn) -> File:
    """A file in any form whose letters its encoding has."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", *KNOWN]))
    is_utf8 = encoding.startswith("utf-8")
    phones = [phone for phone in PHONES if fits(phone, encoding)]
    texts = [text for text in TEXTS if fits(text, encoding)]
    rows = st.tuples(st.sampled_from(phones), st.sampled_from(texts))
    return File(
        rows=tuple(draw(st.lists(rows, max_size=6))),
        header=draw(st.sampled_from([name for name in HEADERS if fits(name, encoding)])),
        encoding=encoding,
        is_told=encoding != "utf-8-sig" and draw(st.booleans()),
        delimiter=draw(st.sampled_from(",;\t")),
        quoting=draw(st.sampled_from(QUOTING)),
        line_end=draw(st.sampled_from(["\n", "\r\n"])),
        has_mark=draw(st.booleans()),
        is_apart=is_utf8 and draw(st.booleans()),
    )


def read(file: File) -> list[tuple[str | None, str]]:
    """Read a file as commands do."""
    told = file.encoding if file.is_told else None
    table = Table(io.BytesIO(file.content), "a.csv", told)
    phone, text = table.find_columns([("--phone-column", "phone"), ("--text-column", file.header)])
    return [
        (normalize_phone(row.cells[phone], "BY"), compose(row.cells[text])) for row in table.rows()
    ]


@settings(max_examples=10_000 if is_deep() else 150)
@given(files())
def test_every_phone_and_text_is_the_one_that_was_meant(file: File) -> None:
    """Where the encoding is a guess: that one, or the row or the file is refused."""
    # One sign may be a word of another encoding, as the euro of a Mac is `я`: the run says that it
    # has guessed.
    assume(file.encoding != "mac-cyrillic" or file.is_told or "€" not in str(file.rows))
    meant = [(PHONES[phone], text) for phone, text in file.rows if phone.strip() or text.strip()]
    if file.is_certain:
        assert read(file) == meant
        return
    with suppress(InvalidMessageError):
        found = read(file)
        assert [text for _, text in found] == [text for _, text in meant]
        assert all(one in {other, None} for (one, _), (other, _) in zip(found, meant, strict=True))


@pytest.mark.parametrize("written", [phone for phone, meant in PHONES.items() if meant])
def test_no_phone_is_one_of_another_country(written: str) -> None:
    assert {normalize_phone(written, region) for region in ("BY", "RU", "GB", "US")} <= {
        PHONES[written],
        None,
    }
