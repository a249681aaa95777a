"""`smsq export`: files for the accountants."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]


@pytest.fixture(autouse=True)
def job(queue: SmsQueue) -> str:
    return queue.send_quick("375291234567", "code")


def test_csv_has_a_heading_and_a_row_per_message(smsq: Smsq, job: str) -> None:
    rows = list(csv.DictReader(io.StringIO(smsq("export", "--since", "2020-01-01").stdout)))

    assert [(row["job"], row["pending"], row["campaign"]) for row in rows] == [(job, "1", "")]


def test_json_lines_hold_a_recipient_each(smsq: Smsq, job: str) -> None:
    args = ("export", "--since", "2020-01-01T00:00Z", "--format", "jsonl", "--recipients")
    [row] = map(json.loads, smsq(*args).stdout.splitlines())
    assert (row["job"], row["phone"], row["state"]) == (job, "+375*******67", "pending")

    [row] = map(json.loads, smsq(*args, "--full-phones").stdout.splitlines())
    assert row["phone"] == "375291234567"


def test_one_document_holds_all_rows(smsq_json: Json, job: str) -> None:
    assert [row["job"] for row in smsq_json("export", "--since", "2020-01-01")["rows"]] == [job]
    assert smsq_json("export", "--since", "2999-01-01") == {"rows": []}
    until = smsq_json("export", "--since", "2020-01-01", "--until", "2020-01-02")
    assert until == {"rows": []}


@pytest.mark.parametrize("args", [(), ("--since", "yesterday"), ("--since", "2026-13-01")])
def test_a_span_that_cannot_be_read_is_refused(smsq: Smsq, args: tuple[str, ...]) -> None:
    assert smsq("export", *args).exit_code == 2


def test_a_csv_holds_no_formula_unless_it_is_asked_for_raw(queue: SmsQueue, smsq: Smsq) -> None:
    formula = "=cmd|' /C calc'!A0"
    queue.send_quick("+375291234567", "hi", reference=formula, tags=["@SUM(1)"])

    def read(*options: str) -> dict[str, str]:
        out = smsq("export", "--since", "2020-01-01", *options).stdout
        [row] = [row for row in csv.DictReader(io.StringIO(out)) if row["reference"]]
        return row

    assert (read()["reference"], read()["tags"]) == (f"'{formula}", "'@SUM(1)")
    assert read("--format", "raw")["reference"] == formula
