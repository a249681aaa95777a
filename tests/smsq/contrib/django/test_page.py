"""docs/django.md, followed to the letter in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[4] / "docs/django.md"

#: What a file's name in the first line of a snippet may be followed by.
ADD = ": add at the end"


def find_blocks() -> Iterator[tuple[str, str]]:
    """Language and content of each snippet of the page, in order."""
    page = PAGE.read_text(encoding="utf-8")
    yield from re.findall(r"^```(\w+)\n(.*?)^```$", page, re.M | re.S)


class Follower:
    """Does what the page says: writes its files, runs its commands."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        bin_first = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        self._environ = environ | {"PATH": bin_first, "PYTHONWARNINGS": "error"}
        self.output = ""

    def follow(self, language: str, content: str) -> None:
        if language == "python":
            self._write(content)
        for line in re.findall(r"^\$ (.*)$", content, re.M) if language == "console" else ():
            self._run(shlex.split(line))

    def _write(self, content: str) -> None:
        [name] = re.findall(r"^# ([\w/]+\.py)", content)
        is_added = content.partition("\n")[0].endswith(ADD)
        with (self.folder / name).open("a" if is_added else "w", encoding="utf-8") as file:
            file.write(content)

    def _run(self, command: list[str]) -> None:
        if command[0] == "pip":
            return  # tests have what it installs
        if command[0] == "cd":
            self.folder /= command[1]
            return
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=110,
        )
        self.output += ran.stdout + ran.stderr
        assert ran.returncode == 0, (command, self.output)


@pytest.mark.long
def test_who_follows_the_page_sees_the_first_sms_and_a_project_that_is_in_order(
    environ: dict[str, str], tmp_path: Path
) -> None:
    names = ("SMSQ_REDIS_URL", "SMSQ_NAMESPACE")  # as `smsq demo --keep` prints them
    follower = Follower(tmp_path, {name: environ[name] for name in names})
    for language, content in find_blocks():
        follower.follow(language, content)
    follower.follow("console", "$ python manage.py check --fail-level WARNING\n")

    assert "Found 2 test(s)" in follower.output
    assert "OK" in follower.output
    assert re.search(r"^j[0-9a-f]{16}$", follower.output, re.M)
