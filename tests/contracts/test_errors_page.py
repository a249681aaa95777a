"""docs/errors.md lists the codes of mistakes as the code has them."""

from __future__ import annotations

from pathlib import Path

from smsq.mistakes import MistakeCode, MistakeOwner

PAGE = Path(__file__).parents[2] / "docs/errors.md"


def write_row(code: MistakeCode) -> str:
    return f"| `{code}` | {code.owner} | {code.meaning} |"


def test_the_table_is_what_the_code_says() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Codes\n")[2].strip().splitlines()

    assert table[2:] == [write_row(code) for code in MistakeCode]


def test_a_code_is_a_word_that_is_its_name_and_every_owner_has_some() -> None:
    assert [code.value for code in MistakeCode] == [code.name.lower() for code in MistakeCode]
    assert {code.owner for code in MistakeCode} == set(MistakeOwner)
