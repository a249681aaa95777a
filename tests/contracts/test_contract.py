"""The contract holds: nothing that `contract.json` promises is gone or another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smsq.cli import COMMANDS
from tests.contracts.contract import STORED, collect, write
from tests.contracts.documents import shape_of

pytestmark = pytest.mark.long

#: They run until they are ended, and have no document of their own here.
WITHOUT_DOCUMENT = {"up", "worker", "beat", "web", "flower", "alive", "simulator", "demo"}


def find_changes(promised: Any, now: Any, where: str = "") -> Iterator[str]:
    """Say what of a promise is gone or another; what is new beside it breaks nobody."""
    if isinstance(promised, dict) and isinstance(now, dict):
        for name, value in promised.items():
            if name not in now:
                yield f"{where}/{name} is gone"
            else:
                yield from find_changes(value, now[name], f"{where}/{name}")
    elif isinstance(promised, list) and isinstance(now, list):
        if promised and isinstance(promised[0], dict):
            for one, other in zip(promised, now or [None], strict=True):
                yield from find_changes(one, other, f"{where}[]")
        else:
            yield from (f"{where} no longer has {one}" for one in promised if one not in now)
    elif promised != now:
        yield f"{where} was {promised}, and is {now}"


@pytest.fixture(scope="module")
def promised() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return found


def test_nothing_of_the_contract_is_gone_or_another(
    promised: dict[str, Any], environ: dict[str, str], tmp_path: Path
) -> None:
    now = json.loads(write(collect(environ, tmp_path)))

    assert not list(find_changes(promised, now))


def test_the_contract_is_written_as_the_script_writes_it(promised: dict[str, Any]) -> None:
    assert STORED.read_text(encoding="utf-8") == write(promised)


def test_every_command_that_answers_in_json_has_its_document_in_the_contract(
    promised: dict[str, Any],
) -> None:
    ran = {name.split()[0] for name in promised["documents"]}

    assert set(COMMANDS) - WITHOUT_DOCUMENT <= ran
    groups = {name for name in promised["commands"] if " " in name}
    assert groups <= set(promised["documents"])


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"b": 1}, ["/a is gone"]),
        ({"a": {"b": "10"}}, {"a": {"b": "11"}}, ["/a/b was 10, and is 11"]),
        (["x", "y"], ["y", "x", "z"], []),
        (["x", "y"], ["y"], [" no longer has x"]),
        ([{"id": "string"}], [{"id": "integer"}], ["[]/id was string, and is integer"]),
        ([{"id": "string"}], [], ["[] was {'id': 'string'}, and is None"]),
        ({"a": {"b": 1}}, {"a": None}, ["/a was {'b': 1}, and is None"]),
    ],
)
def test_a_change_is_found_and_an_addition_is_none(was: Any, now: Any, expected: list[str]) -> None:
    assert list(find_changes(was, now)) == expected


def test_a_shape_names_types_and_joins_the_rows_of_a_list() -> None:
    document = {"jobs": [{"id": "j1", "at": None}, {"id": "j2", "at": 2.5}], "n": 1, "ok": True}

    assert shape_of(document) == {
        "jobs": [{"id": "string", "at": "null|number"}],
        "n": "integer",
        "ok": "boolean",
    }
