"""Reading CSV: any bytes come to rows or to an error that says what is wrong."""

from __future__ import annotations

import csv
import io

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


@given(st.text("абвгдежзАБВЁёўі", min_size=1, max_size=20))
def test_cp1251_is_taken_for_what_it_is(text: str) -> None:
    # Two cp1251 letters in a row are UTF-8 only by chance; a header in Cyrillic settles it.
    content = f"phone,Тэкст паведамлення\n1,{text}\n".encode("cp1251")

    assert read(content) == [(2, ["1", text])]


def test_a_byte_order_mark_on_a_later_line_is_no_mark() -> None:
    assert read("phone,text\n1,\ufeffx\n".encode()) == [(2, ["1", "\ufeffx"])]
