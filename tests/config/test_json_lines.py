"""Logs as data: whatever is logged, one line of JSON comes of it."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.json_lines import FIELDS, MOST_FIELD, MOST_MESSAGE, MOST_TRACEBACK, JsonFormatter

ROOT = Path(__file__).parents[2]
FORMATTER = JsonFormatter(process="worker", worker="smsq-1@host")
OWN = {"ts", "level", "logger", "message", "process", "worker", "traceback"}
#: Hostile text: control characters, half characters, what ends a line for some reader.
TEXTS = st.text(st.characters(codec=None), max_size=60)
VALUES = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none())


def read(record: logging.LogRecord) -> dict[str, Any]:
    line = FORMATTER.format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    line.encode()
    assert not any("\ud800" <= c <= "\udfff" for c in json.dumps(found, ensure_ascii=False))
    return found


def log(message: object, *args: object, **about: Any) -> logging.LogRecord:
    exc_info = about.pop("exc_info", None)
    name = about.pop("name", "smsq.steps.attempt")
    return logging.LogRecord(name, logging.INFO, "a.py", 1, message, args, exc_info)


def test_a_line_has_its_words_and_its_facts() -> None:
    facts = {"job": "j1", "campaign": "", "attempt": 2, "ms": 84.26519, "why": "(400)"}
    line = read(log("<- accepted job=%(job)s %(ms).0fms %(why)s", facts))

    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "smsq.steps.attempt",
        "message": "<- accepted job=j1 84ms (400)",
        "process": "worker",
        "worker": "smsq-1@host",
        "job": "j1",
        "attempt": 2,
        "ms": 84.265,
    }


def test_a_traceback_is_one_field_that_is_bounded() -> None:
    with pytest.raises(KeyError) as caught:
        {"b": 1}["a" * 100_000]
    line = read(log("it broke off", exc_info=caught._excinfo))

    assert line["message"] == "it broke off"
    assert line["traceback"].startswith("Traceback (most recent call last)")
    assert line["traceback"].endswith("aaa'")
    assert len(line["traceback"]) < MOST_TRACEBACK + 100


def test_what_is_huge_is_cut_and_says_so() -> None:
    line = read(log("x%s", "y" * 10_000_000))
    assert len(line["message"]) < MOST_MESSAGE + 100
    assert line["message"].endswith("... (10000001 characters in all)")
    assert len(read(log("%(job)s", {"job": "z" * 10_000}))["job"]) < MOST_FIELD + 100


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no word from me")


def test_a_line_that_cannot_be_made_says_that_and_raises_nothing() -> None:
    assert "do not fit" in read(log("%d of %d", "one"))["message"]
    assert read(log("%s", Mute()))["message"]
    assert "cannot be written" in read(log("ok %(ms)r", {"ms": 1, "job": Mute()}))["message"]
    assert read(log("ok", exc_info=(ValueError, Mute(), None)))["message"]
    assert read(log("%(ms).0f", {"ms": 10**5000}))["message"]


@given(message=TEXTS, args=st.lists(VALUES, max_size=3), name=TEXTS)
def test_any_record_becomes_one_valid_line(message: str, args: list[Any], name: str) -> None:
    line = read(log(message, *args, name=name))
    assert {"ts", "level", "logger", "message"} <= set(line) <= OWN


@given(facts=st.dictionaries(st.sampled_from([*FIELDS, "args", "level", "ts"]), VALUES, min_size=1))
def test_any_fact_becomes_a_valid_field_and_never_one_of_the_lines_own(
    facts: dict[str, Any],
) -> None:
    line = read(log("words", facts))
    assert (line["level"], line["message"]) == ("INFO", "words")
    assert set(line) <= OWN | set(FIELDS)
    known = {name for name in FIELDS if facts.get(name) not in (None, "")}
    assert set(line) - OWN == known


@given(st.binary(max_size=80))
def test_any_exception_becomes_a_valid_traceback(raw: bytes) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    error = OSError(5, text, text)
    line = read(log("words", exc_info=(OSError, error, None)))
    assert line["traceback"]


def logged_facts(tree: ast.AST) -> Iterator[str]:
    """Every name that a format of ours takes from its facts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"%\(([a-z_]+)\)", node.value)


def test_every_fact_of_our_lines_is_a_field_or_only_words() -> None:
    """A name that is misspelt at its source would be missing without a word."""
    words = {"why", "rest", "told", "id"}
    named = set[str]()
    for folder in ("smsq/steps", "worker"):
        for path in sorted((ROOT / folder).glob("*.py")):
            named |= set(logged_facts(ast.parse(path.read_text())))

    assert named - words <= set(FIELDS)
    assert {"job", "attempt", "outcome", "ms", "campaign", "message_ids"} <= named
    assert not set(FIELDS) & OWN


def test_the_page_about_logs_says_what_each_field_means() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    assert [name for name in FIELDS if f"`{name}`" not in page] == []
