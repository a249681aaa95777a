"""What the source promises: public names, docstrings, sizes, a changelog that keeps up."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest

import smsq
from smsq.models import QuickMessage
from smsq.options import NameOptions, PersonalOptions, QuickOptions, SendOptions

ROOT = Path(__file__).parents[2]
PACKAGES = ("smsq", "config", "tasks", "worker")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MAX_FILE_LINES, MAX_FUNCTION_LINES = 250, 40
#: Files and functions that are above the limits, and by how much they may be; this only shrinks.
LARGER_FILES = {"smsq/errors.py": 265}  # one tree, to be read in one place
LARGER_FUNCTIONS = {"config/celeryconfig.py:celery_options": 50}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def definitions(path: Path) -> Iterator[tuple[str, ast.ClassDef | Function, bool]]:
    """Every class and function of a file, with its dotted name and whether it is public."""

    def walk(
        node: ast.AST, above: str, is_public: bool
    ) -> Iterator[tuple[str, ast.ClassDef | Function, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | Function):
                name = f"{above}{child.name}"
                public = is_public and not child.name.startswith("_")
                yield name, child, public
                # What is defined inside a function is nobody's but its own.
                yield from walk(child, f"{name}.", public and isinstance(child, ast.ClassDef))
            else:
                yield from walk(child, above, is_public)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "", True)


def read_imports() -> dict[str, str]:
    """Names that type checkers see in `smsq`, each with its module."""
    tree = ast.parse(Path(smsq.__file__).read_text(encoding="utf-8"))
    [checked] = [node for node in tree.body if isinstance(node, ast.If)]
    nodes = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in nodes for alias in node.names}


def test_all_is_sorted_and_names_exactly_what_is_there() -> None:
    assert smsq.__all__ == sorted(smsq.__all__)
    assert set(smsq.__all__) == read_imports().keys()
    assert set(smsq.__all__) <= set(dir(smsq))


@pytest.mark.parametrize(("name", "module"), read_imports().items())
def test_what_is_imported_late_is_what_type_checkers_see(name: str, module: str) -> None:
    assert getattr(smsq, name) is getattr(importlib.import_module(module), name)


def test_a_name_that_smsq_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'SmsQueues'"):
        getattr(smsq, "SmsQueues")  # noqa: B009 - a type checker would know


@pytest.mark.parametrize("name", smsq.__all__)
def test_a_public_name_says_what_it_is(name: str) -> None:
    value = getattr(smsq, name)
    if isinstance(value, types.UnionType):  # an alias has no words of its own
        assert {kind.__name__ for kind in typing.get_args(value)} <= set(smsq.__all__)
        return

    assert inspect.isclass(value) or inspect.isfunction(value)
    assert value.__module__.startswith("smsq.")
    # Its own words: neither inherited nor made up by `dataclass`.
    doc = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    assert doc, name
    assert not doc.startswith(f"{name}("), name


def test_the_names_of_the_contract_are_public() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    for name in re.findall(r"\bsmsq\.([A-Z]\w+)", readme):
        assert name in smsq.__all__, name
    for method in ("from_env", "send_quick", "send_bulk", "status", "cancel"):
        assert inspect.getdoc(getattr(smsq.SmsQueue, method)), method


def test_what_the_queue_returns_has_a_public_name() -> None:
    for method in ("status", "stats", "recipients"):
        hints = typing.get_type_hints(getattr(smsq.SmsQueue, method))
        returned = hints["return"]
        for kind in typing.get_args(returned) or (returned,):
            assert kind.__name__ in smsq.__all__, f"{method} returns {kind}"


def test_every_error_can_be_caught_by_a_public_name() -> None:
    from smsq import errors  # noqa: PLC0415 - only its names are of interest

    ours = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.SmsqError)
    }
    assert ours <= set(smsq.__all__), ours - set(smsq.__all__)


def test_send_quick_takes_what_a_quick_message_takes() -> None:
    fields = set(QuickMessage.__dataclass_fields__)

    taken = get_type_hints(QuickOptions)
    assert set(taken) == fields - {"phone", "text"}
    assert "`QuickOptions`" in (inspect.getdoc(smsq.SmsQueue.send_quick) or "")
    said = "".join(
        one.__doc__ or "" for one in (NameOptions, SendOptions, PersonalOptions, QuickOptions)
    )
    for option in taken:
        assert f"\n        {option}: " in said, option


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_says_what_it_is_for_and_so_does_all_that_is_public_in_it(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    missing = [
        name
        for name, node, is_public in definitions(path)
        if is_public and not ast.get_docstring(node)
    ]

    assert ast.get_docstring(module)
    assert not missing, missing


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    files = [*FILES, *ROOT.glob("smsq/*/*.lua")]
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    offenders = {name: n for name, n in lines.items() if n > LARGER_FILES.get(name, MAX_FILE_LINES)}

    assert len(FILES) > 40
    assert not offenders, offenders


def test_no_function_is_longer_than_a_screen() -> None:
    offenders = {}
    for path in FILES:
        for name, node, _ in definitions(path):
            place = f"{relative(path)}:{name}"
            n = (node.end_lineno or node.lineno) - node.lineno + 1
            is_function = not isinstance(node, ast.ClassDef)
            if is_function and n > LARGER_FUNCTIONS.get(place, MAX_FUNCTION_LINES):
                offenders[place] = n

    assert not offenders, offenders


def test_the_changelog_names_the_version_or_what_is_to_come() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[?([^\]\s]+)", changelog, re.M)

    assert headings
    assert headings[0] in {"Unreleased", pyproject["project"]["version"]}
    entries = changelog.split("\n## ")[1].splitlines()[1:]
    assert any(line.startswith("- ") for line in entries)


def test_the_library_knows_nothing_of_the_processes() -> None:
    for path in (ROOT / "smsq").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in {"config", "tasks", "worker", "tests"}, path
