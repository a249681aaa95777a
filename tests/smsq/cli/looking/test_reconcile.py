"""`smsq reconcile`: the provider's bill, as a file, beside what was sent."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import PLAN, World

Json = Callable[..., Any]
SENT = Verdict(state=JobState.ACCEPTED, message_id=7, gateway_fields={"parts": "1"})
SINCE = ("--since", "2020-01-01")


@pytest.fixture
def bill(tmp_path: Path, world: World) -> Callable[[str], str]:
    """Write a bill; one message to 375291234567 was sent, of one part."""
    world.claims.settle(world.claim(world.enqueue(phones=["375291234567"])), SENT, PLAN)

    def write(text: str) -> str:
        path = tmp_path / "bill.csv"
        path.write_text(text)
        return str(path)

    return write


def test_the_same_on_both_sides_is_exit_code_0(smsq: Smsq, bill: Callable[[str], str]) -> None:
    file = bill("Phone;Cost\n+375 29 123-45-67;0,035\n")
    ran = smsq("reconcile", file, *SINCE, "--price-column", "cost", SMSQ_PRICE_PER_PART="0.035")

    assert ran.exit_code == 0
    assert "1 billed, 1 of ours: no differences" in ran.stderr
    assert ran.stdout.splitlines() == ["what,line,job,message_id,phone,billed,expected"]


def test_differences_are_lines_with_phones_masked(smsq: Smsq, bill: Callable[[str], str]) -> None:
    file = bill("phone,sms_id\n375291234567,8\n")
    ran = smsq("reconcile", file, *SINCE, "--id-column", "sms_id")

    assert ran.exit_code == 5
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert [(r["what"], r["line"], r["message_id"]) for r in rows] == [
        ("billed, not ours", "2", "8"),
        ("ours, not billed", "", "7"),
    ]
    assert "1234567" not in ran.stdout + ran.stderr


def test_json_counts_the_kinds(smsq_json: Json, bill: Callable[[str], str]) -> None:
    file = bill("phone\n375291234567\n375291234567\nnobody\n")
    told = smsq_json("reconcile", file, *SINCE, exit_code=5)

    assert (told["billed"], told["ours"]) == (3, 1)
    assert told["counts"] == {"billed twice": 1, "billed, not ours": 1}
    assert [row["line"] for row in told["differences"]] == [3, 4]


@pytest.mark.parametrize(
    ("text", "args", "said"),
    [
        ("number\n1\n", (), "has no column phone: write one of its columns with --phone-column"),
        (
            "phone,cost\n1,dear\n",
            ("--price-column", "cost"),
            "line 2: --price-column has no number",
        ),
        ("", (), "is empty"),
    ],
)
def test_a_file_that_cannot_be_compared_is_told(
    smsq: Smsq, bill: Callable[[str], str], text: str, args: tuple[str, ...], said: str
) -> None:
    ran = smsq("reconcile", bill(text), *SINCE, *args)

    assert ran.exit_code == 2
    assert said in ran.stderr
