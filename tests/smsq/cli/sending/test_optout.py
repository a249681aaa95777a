"""`smsq optout`."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]
A, B, C = "375291234567", "375291234568", "375291234569"


def test_phones_are_added_listed_and_removed(smsq_json: Json) -> None:
    assert smsq_json("optout", "add", "+375 29 123-45-67", B) == {"added": 2}
    assert smsq_json("optout", "add", A) == {"added": 0}
    assert sorted(smsq_json("optout", "list")["phones"]) == [A, B]
    assert smsq_json("optout", "remove", A, C) == {"removed": 1}
    assert smsq_json("optout", "list") == {"phones": [B]}


def test_a_person_gets_words(smsq: Smsq) -> None:
    assert smsq("optout", "add", A).stdout == "1 phone added\n"
    assert smsq("optout", "list").stdout == f"{A}\n"
    assert smsq("optout", "remove", A).stdout == "1 phone removed\n"


def test_what_is_no_phone_is_refused_without_showing_it(smsq: Smsq) -> None:
    result = smsq("optout", "add", "375291234")

    assert result.exit_code == 2
    assert "375291234" not in result.output
    assert "write it like +375 29 123-45-67" in result.stderr


@pytest.mark.parametrize(
    "content",
    [
        f"+{A}\n{B}\n\n8 029 123 45 69\n",
        f"name;Phone\nX;{A}\nY;{B}\nZ;{C}\n",
        f"\ufeff{A}\r\n{B}\r\n{C}",
        f"phone\n{A}\n{B}\n{C}\n{A}\n",
    ],
)
def test_a_file_is_one_phone_per_line_or_a_csv(
    smsq_json: Json, queue: SmsQueue, content: str
) -> None:
    Path("stop.txt").write_text(content, encoding="utf-8", newline="")

    result = smsq_json("optout", "import", "stop.txt")
    assert (result["added"], result["rejected"]) == (3, 0)
    assert sorted(queue.optout.phones()) == [A, B, C]


def test_bad_rows_go_to_the_rejects_with_their_line_and_the_others_go_on(
    smsq_json: Json, queue: SmsQueue
) -> None:
    Path("stop.txt").write_text(f"{A}\nnobody\n{B}\n37529123\n", encoding="utf-8")

    result = smsq_json("optout", "import", "stop.txt", exit_code=5)
    assert result == {"added": 2, "known": 0, "rejected": 2}
    with Path("stop.rejects.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["phone"]) for row in rows] == [
        ("2", "phone", "nobody"),
        ("4", "phone", "37529123"),
    ]
    # Mended, the file of rejects can be imported.
    mended = Path("stop.rejects.csv").read_text(encoding="utf-8")
    Path("mended.csv").write_text(mended.replace("nobody", C), encoding="utf-8")
    assert smsq_json("optout", "import", "mended.csv", exit_code=5)["added"] == 1
    assert queue.optout.count() == 3


def test_an_import_from_stdin_can_be_repeated(smsq_json: Json) -> None:
    phones = "\n".join(f"37529{2000000 + n}" for n in range(2100))

    assert smsq_json("optout", "import", "-", stdin=phones)["added"] == 2100
    assert smsq_json("optout", "import", "-", stdin=phones) == {
        "added": 0,
        "known": 2100,
        "rejected": 0,
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("phone\n", "holds no phones"),
        (f"name,number\nX,{A}\n", "has no column phone"),
        (f"{A};X\n{B};Y\n", "has no header"),
    ],
)
def test_a_file_without_phones_says_what_to_write(smsq: Smsq, content: str, told: str) -> None:
    Path("stop.csv").write_text(content, encoding="utf-8")

    result = smsq("optout", "import", "stop.csv")
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_file_that_is_not_there_is_bad_input(smsq: Smsq) -> None:
    result = smsq("optout", "import", "nowhere.csv")

    assert result.exit_code == 2
    assert "name a file of phones" in result.stderr
