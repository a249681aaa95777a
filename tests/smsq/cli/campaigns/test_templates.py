"""`smsq send-bulk --text` with columns in braces."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsq.store.scripts import Scripts
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]
ROWS = "phone;Name;order\n375291234567;Anna;A-5\n375291234568; Ivan ;7\n"


@pytest.fixture(autouse=True)
def table(smsq: Smsq) -> None:
    Path("a.csv").write_text(ROWS)


def texts_of(scripts: Scripts) -> dict[str, str]:
    """Every personal text in the ledger, by phone."""
    found: dict[str, str] = {}
    for key in scripts.redis.scan_iter(f"{scripts.keys.namespace}:texts:*"):
        found |= scripts.redis.hgetall(key)  # type: ignore[arg-type]
    return found


def test_each_row_gets_its_own_text(smsq_json: Json, scripts: Scripts) -> None:
    text = "Dear {name}, your order {order} is ready {{:"
    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--text", text)

    assert told["recipients"] == 2
    assert texts_of(scripts) == {
        "375291234567": "Dear Anna, your order A-5 is ready {:",
        "375291234568": "Dear Ivan, your order 7 is ready {:",
    }


def test_a_template_is_the_same_campaign_as_the_texts_it_makes(smsq_json: Json) -> None:
    args = ("--name", "x", "--key", "k")
    told = smsq_json("send-bulk", "a.csv", *args, "--text", "Hi {name}")
    Path("b.csv").write_text("phone,text\n375291234567,Hi Anna\n375291234568,Hi Ivan\n")

    assert smsq_json("send-bulk", "b.csv", *args)["id"] == told["id"]


def test_a_text_without_columns_is_shared(smsq_json: Json, scripts: Scripts) -> None:
    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--text", "Smile {{: }")
    [message] = scripts.redis.scan_iter(f"{scripts.keys.namespace}:message:*")

    assert told["recipients"] == 2
    assert scripts.redis.hget(message, "text") == "Smile {: }"
    assert texts_of(scripts) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Dear {surname}", "has no column surname: write one of its columns with --text: phone, Name, order"),  # noqa: E501
        ("Dear {name", "brace at character 6 is never closed"),
        ("{} {name}", "holds no column's name"),
    ],
)  # fmt: skip
def test_an_unknown_column_is_told_before_a_row_is_read(
    text: str, says: str, smsq_json: Json, scripts: Scripts
) -> None:
    Path("a.csv").write_text(ROWS + '12;"never closed')
    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--text", text, exit_code=2)

    assert says in told["error"]["message"]
    assert not Path("a.rejects.csv").exists()
    assert not list(scripts.redis.scan_iter(f"{scripts.keys.namespace}:*"))


def test_a_row_with_an_empty_cell_is_rejected(smsq_json: Json) -> None:
    Path("a.csv").write_text(ROWS + "375291234569; ;8\n12;;\n")
    args = ("send-bulk", "a.csv", "--name", "x", "--text", "Dear {name}: {order}")
    told = smsq_json(*args, exit_code=5)

    assert (told["recipients"], told["rejected"]) == (2, 2)
    with Path("a.rejects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [(row["line"], row["column"]) for row in rows] == [
        ("4", "Name"),
        ("5", "phone, Name, order"),
    ]
    assert "is empty" in rows[0]["reason"]


def test_a_filled_text_may_be_too_long(smsq_json: Json) -> None:
    Path("a.csv").write_text(ROWS + f"375291234569;{'x' * 1600};8\n")
    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--text", "{name} {order}", exit_code=5)

    assert (told["recipients"], told["rejected"]) == (2, 1)
    assert "11 parts" in Path("a.rejects.csv").read_text()


def test_a_template_comes_from_stdin_too(smsq_json: Json, scripts: Scripts) -> None:
    smsq_json("send-bulk", "a.csv", "--name", "x", "--text", "-", stdin="Hi {name}\n")

    assert texts_of(scripts)["375291234567"] == "Hi Anna"


@pytest.mark.parametrize(
    "place",
    [
        "{{name}}",
        "{{ Name }}",
        "{{{name}}}",
        "${name}",
        "$name",
        "%name%",
        "[name]",
        "<NAME>",
        "{name}}",
    ],
)
def test_a_column_written_as_elsewhere_is_refused_with_what_to_write(
    place: str, smsq_json: Json, scripts: Scripts
) -> None:
    args = ("send-bulk", "a.csv", "--name", "x", "--text", f"Dear {place}, half price")
    for more in ([], ["--dry-run"]):
        told = smsq_json(*args, *more, exit_code=2)
        assert f"text: {place} at character 6" in told["error"]["message"]
        assert "write {Name}; or add --literal-braces" in told["error"]["message"]
    assert not list(scripts.redis.scan_iter(f"{scripts.keys.namespace}:*"))


def test_braces_that_are_meant_are_sent(smsq_json: Json, scripts: Scripts) -> None:
    args = ("send-bulk", "a.csv", "--name", "x", "--literal-braces", "--text")
    smsq_json(*args, "{{name}} stands for {name}, [order]")

    assert texts_of(scripts)["375291234567"] == "{name} stands for Anna, [order]"


def test_a_text_of_a_column_that_waits_to_be_filled_in_is_rejected(
    smsq_json: Json, scripts: Scripts
) -> None:
    Path("a.csv").write_text(
        "phone,name,text\n375291234567,Anna,Dear {name}\n375291234568,Ivan,Hi Ivan\n"
    )
    args = ("send-bulk", "a.csv", "--name", "x")
    told = smsq_json(*args, exit_code=5)

    assert (told["recipients"], told["rejected"]) == (1, 1)
    assert "holds {name}, the place of a column" in Path("a.rejects.csv").read_text()
    assert smsq_json(*args, "--literal-braces")["recipients"] == 2
    assert texts_of(scripts)["375291234567"] == "Dear {name}"
