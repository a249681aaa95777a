"""docs/architecture.md, and the tree that it describes: rooms, and who may use whom."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
TOP = ["config", "smsq", "tasks", "worker"]
SCRIPTS = {path.name for path in ROOT.glob("smsq/*/*.lua")}
ROOMS = sorted(path.parent.name for path in ROOT.glob("smsq/*/__init__.py"))

#: A file by its whole name, in a page, a docstring or a comment.
FULL_NAME = r"\b(?:smsq|config|tasks|worker|tests|bench)/[\w/]+\.(?:py|lua)"

#: More files than these are two rooms.
MOST_FILES = 12
MOST_DOCSTRING_LINES = 6

#: Ways to I/O, to a clock and to dice.
IMPURE = {
    *("os", "sys", "io", "socket", "ssl", "subprocess", "threading", "logging", "getpass"),
    *("time", "random", "secrets", "uuid", "redis", "requests", "celery", "kombu", "starlette"),
}

#: The public face, and what `celery -A worker` looks for.
RE_EXPORTS = {"smsq/__init__.py", "smsq/testing/__init__.py", "worker/__init__.py"}
#: `smsq.cli:main` is the command itself.
WITH_CODE = {"smsq/cli/__init__.py", *RE_EXPORTS}

#: Imports against the order: upwards, sideways, and out of the library; each in a file of its own.
PLANTED = {
    "smsq/store/keys.py": "smsq.queue",
    "smsq/sending/claims.py": "smsq.campaigns.brakes",
    "smsq/events/reader.py": "tasks.engine",
}


def list_modules() -> list[Path]:
    return [path for top in TOP for path in sorted((ROOT / top).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def section(heading: str) -> str:
    [found] = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    return str(found)


def read_layers() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [layers] = [c["layers"] for c in contracts if c.get("containers") == ["smsq"]]
    there = (" | ".join(filter(is_there, layer.split(" | "))) for layer in layers)
    return [layer.replace("(", "").replace(")", "") for layer in there if layer]


def is_there(module: str) -> bool:
    """False for one in brackets, which may be missing, that is missing."""
    name = module.strip("()")
    return name == module or any((ROOT / f"smsq/{name}{end}").exists() for end in (".py", "/"))


def parse(path: Path) -> tuple[str, list[ast.stmt]]:
    """A module's docstring, and the statements beside it."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(module) or ""
    return docstring, module.body[1:] if docstring else module.body


def is_pure(path: Path) -> bool:
    """Whether a file says so, or is in a room of which the page does."""
    docstring, _ = parse(path)
    first_line = docstring.partition("\n")[0]
    is_in_pure_room = path.is_relative_to(ROOT / "smsq/domain") or path.is_relative_to(
        ROOT / "smsq/text"
    )
    return first_line.endswith(" Pure.") or (is_in_pure_room and ", but for " not in first_line)


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`([\w./]+(?:/|\.py|\.lua))`", PAGE)

    assert len(named) > 50
    for name in named:
        assert (ROOT / name).exists() or name in SCRIPTS, name


def test_no_page_docstring_or_comment_names_a_file_that_is_gone() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]
    for path in [*pages, *list_modules(), *ROOT.glob("smsq/*/*.lua")]:
        text = path.read_text(encoding="utf-8").replace("x.lua", "")
        for name in re.findall(FULL_NAME, text):
            assert (ROOT / name).exists(), (name_of(path), name)
        for name in re.findall(r"\b\w+\.lua\b", text):
            assert name in SCRIPTS, (name_of(path), name)


def test_every_function_that_the_page_names_is_in_the_file_before_it() -> None:
    named = re.findall(r"`([\w/]+\.lua)` \(`(\w+)`\)", PAGE)

    assert named
    for file, function in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"local function {function}(" in text, function


def test_every_room_is_on_the_page_and_in_the_order_of_imports() -> None:
    layers = read_layers()
    listed = re.findall(r"^\| `smsq/(\w+)/` \|", section("What is each room for?"), re.M)
    [order] = re.findall(r"^```$(.*?)^```$", section("Who may use whom?"), re.M | re.S)
    modules = {name for layer in layers for name in layer.split(" | ")}
    picture = section("The rooms in one picture")

    assert sorted(listed) == ROOMS
    assert order.strip().splitlines() == layers
    assert set(ROOMS) <= modules
    for room in ROOMS:
        assert re.search(rf"\b{room}\b", picture), room
    for module in modules - set(ROOMS):
        assert (ROOT / f"smsq/{module}.py").exists(), module


@pytest.mark.parametrize("room", [*(f"smsq/{room}" for room in ROOMS), "config", "tasks", "worker"])
def test_a_room_says_in_a_few_lines_what_it_is_for(room: str) -> None:
    docstring, code = parse(ROOT / room / "__init__.py")

    assert len(docstring.splitlines()) <= MOST_DOCSTRING_LINES
    for begin in ("In:  ", "Out: ", "Never: "):
        assert begin in docstring, begin
    assert not code or f"{room}/__init__.py" in WITH_CODE


@pytest.mark.parametrize(
    "folder", sorted({name_of(path.parent) for path in ROOT.glob("smsq/**/__init__.py")})
)
def test_a_room_has_few_files(folder: str) -> None:
    files = [path for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]

    assert len(files) <= MOST_FILES


def test_no_file_only_passes_on_what_another_defines() -> None:
    for path in list_modules():
        _, code = parse(path)
        of_its_own = [
            statement
            for statement in code
            if not isinstance(statement, ast.Import | ast.ImportFrom)
            and not (isinstance(statement, ast.Assign) and "__all__" in ast.unparse(statement))
        ]
        assert of_its_own or not code or name_of(path) in RE_EXPORTS, name_of(path)


@pytest.mark.parametrize("path", [path for path in list_modules() if is_pure(path)], ids=name_of)
def test_what_is_pure_asks_nobody_but_its_arguments(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) (\w+)", text, re.M)

    assert not IMPURE & set(imported)
    assert not re.search(r"\.now\(|\.today\(|\bopen\(", text)


@pytest.mark.long
def test_an_import_against_the_order_and_an_unlisted_room_fail_the_linter(tmp_path: Path) -> None:
    for top in TOP:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / top, tmp_path / top, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, module in PLANTED.items():
        with (tmp_path / file).open("a", encoding="utf-8") as target:
            target.write(f"\nimport {module}\n")
    (tmp_path / "smsq/attic").mkdir()
    (tmp_path / "smsq/attic/__init__.py").touch()

    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.returncode == 1, ran.stderr
    for file, module in PLANTED.items():
        importer = file.removesuffix(".py").replace("/", ".")
        assert f"{importer} -> {module} " in ran.stdout, ran.stdout
    assert "- smsq.attic" in ran.stdout
