"""Reading CSV: any bytes come to rows or to an error that says what is wrong."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.cli.files.csv_rows import Table
from smsq.errors import InvalidMessageError

cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
tables = st.lists(st.lists(cells | st.just("two\nlines"), min_size=2, max_size=2), max_size=8)


def read(content: bytes) -> list[tuple[int, list[str]]]:
    table = Table(io.BytesIO(content), "a.csv")
    table.find_columns([("--phone-column", "phone")])
    return [(row.line, list(row.cells)) for row in table.rows()]


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda raw: b"phone,text\n" + raw))
def test_any_bytes_are_rows_or_a_clear_error(content: bytes) -> None:
    mistakes: tuple[str, ...] = ()
    rows: list[tuple[int, list[str]]] = []
    try:
        rows = read(content)
    except InvalidMessageError as error:
        mistakes = error.mistakes

    assert all(line > 1 and row for line, row in rows)
    assert all(mistake.startswith("a.csv: ") for mistake in mistakes)


@given(tables, st.sampled_from([",", ";", "\t"]), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_comes_back_with_its_lines(
    written: list[list[str]], delimiter: str, has_bom: bool, line_end: str
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(["phone", "text"])
    expected = []
    for row in written:
        line = buffer.getvalue().count("\n") + 1
        writer.writerow(row)
        if any(cell.strip() for cell in row):
            expected.append((line, row))

    assert read(buffer.getvalue().encode("utf-8-sig" if has_bom else "utf-8")) == expected


def find(content: str, *names: str) -> list[int]:
    table = Table(io.BytesIO(content.encode()), "a.csv")
    return table.find_columns([(f"--{name}", name) for name in names])


@pytest.mark.parametrize(
    "name", ["Долг на 24.11.2026", "cf_1234567", "2026-11-24 10:00", "ИНН 7707083893"]
)
def test_a_column_may_be_called_by_a_date_or_a_number(name: str) -> None:
    assert find(f"phone;text;{name}\n375291234567;hi;5\n", "phone", name) == [0, 2]


def test_a_file_that_begins_with_a_phone_has_no_header() -> None:
    with pytest.raises(InvalidMessageError, match="has no header"):
        find("375291234567;hi\n375291234568;hi\n", "phone")


@pytest.mark.parametrize("apart", [True, False])
def test_a_column_is_found_however_its_letters_are_kept(apart: bool) -> None:
    name = "Номер мобильный"
    written, wanted = (unicodedata.normalize(form, name) for form in ("NFD", "NFC"))
    if apart:
        written, wanted = wanted, written

    assert find(f"{written},text\n375291234567,hi\n", wanted, "text") == [0, 1]


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
def test_excels_own_first_line_says_what_stands_between_cells(first: str) -> None:
    content = f"{first}\r\nphone;text\r\n375291234567;a, b, c\r\n"

    assert read(content.encode()) == [(3, ["375291234567", "a, b, c"])]


@given(st.text("абвгдежзАБВЁёўі", min_size=1, max_size=20))
def test_cp1251_is_taken_for_what_it_is(text: str) -> None:
    # Two cp1251 letters in a row are UTF-8 only by chance; a header in Cyrillic settles it.
    content = f"phone,Тэкст паведамлення\n1,{text}\n".encode("cp1251")

    assert read(content) == [(2, ["1", text])]


def test_a_byte_order_mark_on_a_later_line_is_no_mark() -> None:
    assert read("phone,text\n1,\ufeffx\n".encode()) == [(2, ["1", "\ufeffx"])]
