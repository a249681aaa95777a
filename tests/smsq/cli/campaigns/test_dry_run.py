"""`smsq send-bulk --dry-run`, `--max-parts` and `--max-price`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsq.queue import SmsQueue
from smsq.store.scripts import Scripts
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]
ROWS = (
    "phone,text\n"
    "375291234567,plain\n"
    f"375291234568,{'two parts ' * 20}\n"
    "375291234567,twice\n"
    "12,bad\n"
    "375291234569,“curly” — dash\n"
)


@pytest.fixture(autouse=True)
def table(smsq: Smsq) -> None:
    Path("a.csv").write_text(ROWS, encoding="utf-8")


def keys_in(scripts: Scripts) -> list[Any]:
    return list(scripts.redis.scan_iter(f"{scripts.keys.namespace}:*"))


def test_a_dry_run_counts_and_stores_nothing(smsq_json: Json, scripts: Scripts) -> None:
    args = ("send-bulk", "a.csv", "--name", "x", "--key", "k", "--dry-run")
    told = smsq_json(*args, exit_code=5, SMSQ_PRICE_PER_PART="0,035", SMSQ_BULK_MAX_RECIPIENTS="2")

    ucs2 = told.pop("ucs2")
    assert told == {
        "dry_run": True,
        "rows": 5,
        "invalid": 1,
        "duplicates": 1,
        "opted_out": 0,
        "recipients": 3,
        "parts": 4,
        "smart_text_saves": 0,
        "price": "0.140",
        "requests": 2,
        "rate_per_s": 10.0,
        "hours": 0.0001,
        "refused": [],
        "encoding": "utf-8",
        "first_text": "plain",
    }
    assert ucs2["rows"] == 1
    assert {(c["character"], c["rows"]) for c in ucs2["characters"]} == {
        ("“", 1), ("”", 1), ("—", 1)
    }  # fmt: skip
    assert keys_in(scripts) == []
    assert os.listdir() == ["a.csv"]


def test_a_person_reads_it_in_words(smsq: Smsq) -> None:
    args = ("send-bulk", "a.csv", "--name", "x", "--text", "до завтра", "--dry-run")
    result = smsq(*args, SMSQ_PRICE_PER_PART="1.5", SMSQ_RATE_PER_S="0.1")

    assert result.exit_code == 5
    for line in (
        "rows       5",
        "invalid    1",
        "duplicates 1",
        "opted out  0",
        "recipients 3",
        "parts      3",
        "price      4.50 at 1.50 for a part",
        "requests   1: 0:10 at 0.1/s",
        "UCS-2      in 3 rows, because of",
        "cyrillic small letter a  in 3 rows",
    ):
        assert line in result.stdout
    assert "line 5: phone" in result.stderr
    assert "price" not in smsq(*args).stdout


def test_who_opted_out_is_counted(smsq: Smsq, smsq_json: Json) -> None:
    smsq("optout", "add", "375291234567", "375447654321")
    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--dry-run", exit_code=5)

    assert (told["opted_out"], told["recipients"]) == (1, 3)


def test_the_parts_of_a_dry_run_are_those_of_the_campaign(smsq: Smsq, smsq_json: Json) -> None:
    args = ("send-bulk", "a.csv", "--name", "x")

    assert smsq(*args, "--max-parts", "4").exit_code == 5
    told = smsq_json(*args, "--max-parts", "3", exit_code=2)
    assert told["error"]["mistakes"] == [
        "it takes 4 parts, and --max-parts is 3: raise it, or send less"
    ]


@pytest.mark.parametrize("most", ["0.139", "0,139"])
def test_a_campaign_above_a_cap_is_refused_before_it_is_live(
    most: str, smsq_json: Json, queue: SmsQueue, scripts: Scripts
) -> None:
    args = ("send-bulk", "a.csv", "--name", "x", "--key", "k")
    priced = {"SMSQ_PRICE_PER_PART": "0.035", "SMSQ_BULK_MAX_RECIPIENTS": "1"}
    told = smsq_json(*args, "--max-price", most, "--max-parts", "1", exit_code=2, **priced)

    assert told["error"]["mistakes"] == [
        "it takes 4 parts, and --max-parts is 1: raise it, or send less",
        "it costs 0.14, and --max-price is 0.139: raise it, or send less",
    ]
    assert sum(queue.stats().jobs.values()) == 0
    assert scripts.run("sweep", 100)  # what was staged need not wait for a day
    assert not [key for key in keys_in(scripts) if ":job:" in key]
    assert smsq_json(*args, "--max-price", "0.14", exit_code=5, **priced)["recipients"] == 3


def test_a_dry_run_says_what_would_be_refused(smsq: Smsq, smsq_json: Json) -> None:
    args = ("send-bulk", "a.csv", "--name", "x", "--dry-run", "--max-parts", "1")

    assert "would be refused: it takes 4 parts" in smsq(*args).stderr
    told = smsq_json(*args, exit_code=2)
    assert told["refused"] == ["it takes 4 parts, and --max-parts is 1"]


@pytest.mark.parametrize(
    "args",
    [("--max-price", "5"), ("--max-price", "free"), ("--max-price", "-1"), ("--max-parts", "0")],
)
def test_caps_that_mean_nothing_are_exit_code_2(
    args: tuple[str, ...], smsq_json: Json, queue: SmsQueue
) -> None:
    told = smsq_json("send-bulk", "a.csv", "--name", "x", *args, exit_code=2)

    assert told["error"]["type"] == "UsageError"
    assert sum(queue.stats().jobs.values()) == 0


def test_unknown_columns_and_bad_texts_are_told_by_a_dry_run_too(smsq: Smsq) -> None:
    args = ("send-bulk", "a.csv", "--name", "x", "--dry-run")

    assert smsq(*args, "--text", "{nobody}").exit_code == 2
    assert smsq(*args, "--text", " ").exit_code == 2
    assert smsq("send-bulk", "none.csv", "--name", "x", "--dry-run").exit_code == 2
