"""A workbook is read as the CSV that it would be saved as."""

from __future__ import annotations

import builtins
import csv
import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.cli.campaigns.bulk_input import open_table
from smsq.cli.files.phone_list import open_phones
from smsq.cli.files.workbooks import write_cell
from smsq.errors import InvalidMessageError
from smsq.text.phones import normalize_phone, write_phone
from tests.smsq.cli.conftest import Smsq
from tests.smsq.cli.files.sheets import Cell, Rows, make_ods, make_xlsx

Json = Callable[..., Any]
PHONE = "375291234567"
KINDS = {"xlsx": make_xlsx, "ods": make_ods}
ROWS: Rows = [
    ["phone", "name; and more", "debt"],
    [375291234567.0, "Anna", 12.5],
    ["+375 29 123-45-68", "Борис, jr", 7.0],
]


def write(path: Path, rows: Rows, name: str = "Sheet1", **others: Rows) -> Path:
    path.write_bytes(KINDS[path.suffix[1:]]({name: rows, **others}))
    return path


def read(path: Path, sheet: str | None = None) -> list[tuple[int, list[str]]]:
    with open_table(str(path), sheet=sheet) as (table, _):
        table.find_columns([("--phone-column", "phone")])
        return [(row.line, list(row.cells)) for row in table.rows()]


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_what_they_hold(tmp_path: Path, kind: str) -> None:
    assert read(write(tmp_path / f"a.{kind}", ROWS)) == [
        (2, ["375291234567", "Anna", "12.5"]),
        (3, ["+375 29 123-45-68", "Борис, jr", "7"]),
    ]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        *((375291234567.0, "375291234567"), (0.1 + 0.2, "0.3"), (1e15, "1000000000000000")),
        *((7, "7"), (True, "TRUE"), ("", ""), ("00123", "00123"), ("#N/A", ""), ("#1", "#1")),
        *((date(2026, 11, 24), "2026-11-24"), (datetime.fromisoformat("2026-11-24"), "2026-11-24")),
        *((datetime.fromisoformat("2026-11-24T10:05"), "2026-11-24 10:05"), (time(9, 30), "09:30")),
        (timedelta(hours=30, minutes=5), "30:05"),
    ],
)
def test_a_cell_is_written_as_a_person_would(cell: Cell, written: str) -> None:
    assert write_cell(cell) == written


@pytest.mark.parametrize("kind", KINDS)
def test_dates_are_written_with_the_year_first(tmp_path: Path, kind: str) -> None:
    rows: Rows = [["phone", "day"], ["375291234567", date(2026, 11, 24)]]

    assert read(write(tmp_path / f"a.{kind}", rows)) == [(2, ["375291234567", "2026-11-24"])]


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_sheets_one_must_be_named(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"a.{kind}", ROWS, "March", April=ROWS[:2])

    with pytest.raises(InvalidMessageError, match="--sheet: March, April"):
        read(path)
    assert len(read(path, "April")) == 1
    with pytest.raises(InvalidMessageError, match="no sheet May: write one of March, April"):
        read(path, "May")


@pytest.mark.parametrize("kind", KINDS)
def test_empty_sheets_and_rows_do_not_matter(tmp_path: Path, kind: str) -> None:
    rows: Rows = [ROWS[0], ["", "", ""], ROWS[1]]
    path = write(tmp_path / f"a.{kind}", rows, "March", April=[])

    assert read(path) == [(3, ["375291234567", "Anna", "12.5"])]


@pytest.mark.parametrize("kind", KINDS)
def test_a_campaign_is_sent_from_a_workbook(tmp_path: Path, kind: str, smsq_json: Json) -> None:
    path = write(tmp_path / f"a.{kind}", [*ROWS, ["12", "Nobody", 1.0]])
    told = smsq_json(
        "send-bulk", str(path), "--name", "x", "--text", "{name; and more}: {debt}", exit_code=5
    )

    assert (told["recipients"], told["rejected"]) == (2, 1)
    rejects = Path(f"{path}.rejects.csv").read_text()
    assert rejects.splitlines()[1].startswith("4,phone,")


@pytest.mark.parametrize("kind", KINDS)
def test_phones_without_a_header_are_a_list(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"a.{kind}", [[375291234567.0], ["+375 29 123-45-68"]])

    with open_phones(str(path)) as (table, _):
        assert [list(row.cells) for row in table.rows()] == [
            ["375291234567"],
            ["+375 29 123-45-68"],
        ]


def test_what_makes_no_sense_is_refused_with_what_to_write(tmp_path: Path, smsq: Smsq) -> None:
    book, table = write(tmp_path / "a.xlsx", ROWS), tmp_path / "a.csv"
    table.write_text("phone,text\n375291234567,hi\n")
    broken = tmp_path / "b.xlsx"
    broken.write_bytes(book.read_bytes()[:200])
    for told, args in {
        "leave --encoding out": (book, "--encoding", "cp1251"),
        "leave --sheet out": (table, "--sheet", "March"),
        "cannot be read as a workbook: save it anew, or as CSV in UTF-8": (broken,),
    }.items():
        result = smsq("send-bulk", *map(str, args), "--name", "x", "--text", "hi")
        assert result.exit_code == 2
        assert told in result.stderr


def test_without_the_extra_it_is_named(
    tmp_path: Path, smsq: Smsq, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name == "python_calamine":
            raise ImportError(name)
        return imported(name, *args, **options)

    path = write(tmp_path / "a.xlsx", ROWS)
    monkeypatch.setattr(builtins, "__import__", refuse)

    result = smsq("send-bulk", str(path), "--name", "x", "--text", "hi")
    assert result.exit_code == 2
    assert 'run `pip install "smsq[excel]"`, or save it as CSV' in result.stderr


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        path.write_bytes(b"PK\x03\x04" + content)
        with pytest.raises(InvalidMessageError, match="cannot be read as a workbook"):
            read(path)


def convert(source: Path, target: str, *options: str) -> None:
    """Open a file in LibreOffice and save it as another."""
    folder = source.parent
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/lo", *options]
    command += ["--convert-to", target, "--outdir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="no LibreOffice on PATH")
@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_our_own_files_survive_a_spreadsheet(tmp_path: Path, kind: str, smsq_json: Json) -> None:
    """Rejects go through it and back, as somebody would correct them there."""
    path, rejects = tmp_path / "a.csv", tmp_path / "a.rejects.csv"
    texts = ["Добры дзень; 5 €", 'says "hi", twice', "two words", "plain"]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [["12", text] for text in texts]
        csv.writer(file).writerows([["phone", "text"], *rows, [PHONE, "ok"]])
    smsq_json("send-bulk", str(path), "--name", "x", exit_code=5)

    convert(rejects, kind, "--infilter=CSV:44,34,76,1")
    book = rejects.with_suffix(f".{kind}")
    with open_table(str(book)) as (table, _):
        assert [row.cells[-1] for row in table.rows()] == texts
    rejects.unlink()
    convert(book, "csv:Text - txt - csv (StarCalc):44,34,76")
    with open_table(str(rejects)) as (table, _):
        assert [row.cells[-1] for row in table.rows()] == texts


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="no LibreOffice on PATH")
@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_an_export_is_the_same_after_a_spreadsheet(
    tmp_path: Path, kind: str, smsq: Smsq, smsq_json: Json
) -> None:
    smsq_json("send-quick", PHONE, "Добры дзень; 5 €")
    wanted = ("--recipients", "--full-phones", "--since", "2020-01-01")
    exported = smsq("export", *wanted).stdout_bytes
    path = tmp_path / "export.csv"
    path.write_bytes(exported)
    written = list(csv.DictReader(io.StringIO(exported.decode(), newline="")))
    assert [row["phone"] for row in written] == [PHONE]

    convert(path, kind, "--infilter=CSV:44,34,76,1")
    with open_table(str(path.with_suffix(f".{kind}"))) as (table, _):
        [row] = table.rows()
        read_back = dict(zip(table.header, row.cells, strict=True))
    assert read_back["phone"] == PHONE
    assert read_back["state"] == written[0]["state"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="no LibreOffice on PATH")
@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_who_failed_is_the_same_after_a_spreadsheet(tmp_path: Path, kind: str) -> None:
    """As `smsq failed` writes phones, and as older ones did."""
    path = tmp_path / "failed.csv"
    path.write_text(f"phone\n{write_phone(PHONE)}\n375291234568\n")

    convert(path, kind, "--infilter=CSV:44,34,76,1")
    with open_phones(str(path.with_suffix(f".{kind}"))) as (table, _):
        phones = [normalize_phone(row.cells[0], "BY") for row in table.rows()]
    assert phones == [PHONE, "375291234568"]
