"""`make quick`: what needs no Redis, the room that a change is in, and the long tests it touches.

In:  what was collected, and what git says has changed. Out: what to run in some twenty seconds.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Markers of what takes long: processes are started, hours simulated, many examples tried.
LONG = ("long", "machine")


def changed_files(root: Path = ROOT) -> set[Path]:
    """What differs from the last commit, new files too; nothing where git cannot tell."""
    questions = (["diff", "--name-only", "HEAD"], ["ls-files", "--others", "--exclude-standard"])
    names: list[str] = []
    for question in questions:
        answer = subprocess.run(
            ["git", *question], cwd=root, capture_output=True, text=True, check=False
        )
        names += answer.stdout.splitlines()
    return {root / name for name in names}


def is_short(item: pytest.Item) -> bool:
    """Whether a test takes a moment only."""
    return not any(item.get_closest_marker(name) for name in LONG)


def needs_redis(item: pytest.Item) -> bool:
    """Whether a test asks for a server: four thousand do, and each costs some ten milliseconds."""
    return "redis_url" in getattr(item, "fixturenames", ())


def is_near(test: Path, changed: Collection[Path], root: Path = ROOT) -> bool:
    """Whether a test is of a folder in which something changed, or changed itself."""
    folders = {path.parent for path in changed}
    mirrored = root / test.parent.relative_to(root / "tests")
    return test.parent in folders or mirrored in folders


def is_touched(test: Path, changed: Collection[Path]) -> bool:
    """Whether a test's file has changed, or the file that it is named after."""
    return test in changed or any(f"test_{each.stem}" == test.stem for each in changed)


def choose(items: list[pytest.Item], config: pytest.Config) -> None:
    """Leave out what takes long and has nothing to do with the change."""
    changed = changed_files()
    near = {path: is_near(path, changed) for path in {item.path for item in items}}
    is_in = {
        item: is_touched(item.path, changed)
        or (is_short(item) and (near[item.path] or not needs_redis(item)))
        for item in items
    }
    config.hook.pytest_deselected(items=[item for item in items if not is_in[item]])
    items[:] = [item for item in items if is_in[item]]
