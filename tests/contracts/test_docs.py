"""The pages in docs/ can be found, and their diagrams are drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md"))),
]


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_no_diagram_holds_what_mermaid_takes_for_the_end_of_a_line(page: str) -> None:
    for diagram in re.findall(r"^```mermaid$(.*?)^```$", read(page), re.M | re.S):
        for line in diagram.splitlines():
            assert not re.search("[;#]", line), line


def test_every_page_can_be_reached_from_the_readme() -> None:
    found, todo = set[str](), ["README.md"]
    while todo:
        page = todo.pop()
        if page in found:
            continue
        found.add(page)
        base = (ROOT / page).parent
        for link in re.findall(r"\]\(([^)\s#]+\.md)", read(page)):
            if "://" not in link:
                todo.append(str((base / link).resolve().relative_to(ROOT)))
    assert {page for page in PAGES if page.startswith("docs/")} <= found


def test_every_page_that_code_names_exists() -> None:
    """A reader of the wheel looks for it."""
    for folder in ("smsq", "config", "tasks", "worker"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {".py", ".lua"}:
                continue
            for page in re.findall(r"[\w./-]+\.md\b", path.read_text(encoding="utf-8")):
                name = page.lstrip("./")
                assert (ROOT / name).is_file() or (ROOT / "docs" / name).is_file(), (path, page)
