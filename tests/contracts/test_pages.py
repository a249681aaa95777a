"""What users read is true and plain: snippets run, commands exist, links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

import smsq
from smsq.cli import main
from smsq.testing import outbox

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md"))]
#: What was decided once is kept in the words of its time.
PLAIN_PAGES = [page for page in PAGES if page != "docs/decisions.md"]

#: What a web app imports from beside `smsq` itself.
PUBLIC_ROOMS = ("testing", "contrib")

#: Commands of this kind hand their options on to Celery and Flower.
PASSED_ON = "ignore_unknown_options"

#: Words that stopped a reader, and what to write instead. A gateway's receipt is no callback.
AVOIDED = {
    r"\bnews\b": "event",
    r"\bhorizon\b": "reporting period",
    r"\btaken back\b|\btake back\b": "cancelled",
    r"\btold\b": "reported, returned or shown",
    r"\bstands\b": "is",
    r"\bmend": "fix",
    r"\bworks? off\b": "processes",
    r"\bcallbacks?\b": "receipt",
}


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def find_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", read(page), re.M | re.S)


def find_commands(page: str) -> list[str]:
    """Every `smsq ...` in backticks or after a prompt, but for paths such as `smsq/queue.py`."""
    in_words = re.findall(
        r"`(smsq [a-z][^`]*)`", re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)
    )
    return [*in_words, *re.findall(r"^\$ (smsq .*)$", read(page), re.M)]


def find_modules(code: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(code)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


@pytest.mark.long
@pytest.mark.parametrize("page", ["README.md", "docs/web-app.md"])
def test_the_snippets_run_one_after_the_other(
    page: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SMSQ_REDIS_URL", "SMSQ_NAMESPACE", "SMSQ_ALPHANAME_ID"):
        monkeypatch.setenv(name, environ[name])
    names: dict[str, Any] = {"__name__": __name__}
    blocks = find_blocks(page, "python")
    assert len(blocks) > 2

    for block in blocks:
        if all(importlib.util.find_spec(module) for module in find_modules(block)):
            exec(compile(block, page, "exec"), names)
            if "def send_code" in block:
                names["job"] = names["send_code"]("+375 29 123-45-67", 1, "004821")

    assert names["status"].state == "queued"
    if page == "docs/web-app.md":
        assert names["try_to_send"]("+375 29 123-45-67", 1, "004821") == (
            {"job": names["job"]},
            202,
        )
        assert names["try_to_send"]("12", 2, "004821")[1] == 400
        with outbox() as messages:
            names["test_a_code_is_queued"](messages)
    names["queue"].close()


def test_snippets_and_commands_are_found() -> None:
    assert len([block for page in PAGES for block in find_blocks(page, "python")]) > 10
    assert len([line for page in PAGES for line in find_commands(page)]) > 50


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_is_python_and_uses_public_names(page: str) -> None:
    for block in find_blocks(page, "python"):
        ast.parse(block)
        for name in re.findall(r"\bsmsq\.([A-Za-z]\w*)", block):
            assert name in {*smsq.__all__, *PUBLIC_ROOMS}, name


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_are_there_with_their_options(page: str) -> None:
    for line in find_commands(page):
        command: click.Command = main
        for word in shlex.split(line)[1:]:
            if isinstance(command, click.Group) and not word.startswith("-"):
                inner = command.get_command(click.Context(command), word)
                assert inner, line
                command = inner
            elif word.startswith("--") and not command.context_settings.get(PASSED_ON):
                options = {name for each in command.params for name in each.opts}
                assert word.partition("=")[0] in options | {"--help"}, line


@pytest.mark.parametrize("page", PLAIN_PAGES)
def test_the_pages_use_the_usual_words(page: str) -> None:
    words = re.sub(r"^```.*?^```$|`[^`]*`", "", read(page), flags=re.M | re.S)

    for pattern, instead in AVOIDED.items():
        assert not re.search(pattern, words, re.I), f"{pattern}: write {instead}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        name, _, heading = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert name.startswith("http") or path.exists(), target
        if heading and path.suffix == ".md":
            titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, target
