"""Which smsq a process is: its version, and letters that differ with its code."""

from __future__ import annotations

from pathlib import Path

from smsq.environment.version import hash_code, read_version


def test_a_version_has_its_release_and_seven_letters() -> None:
    release, letters = read_version().split(" ")

    assert release[0].isdigit()
    assert len(letters) == 7


def test_letters_differ_with_the_code_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    script = tmp_path / "room" / "a.lua"
    script.write_text("return 1")
    before = hash_code(tmp_path)

    (tmp_path / "room" / "a.pyc").write_text("whatever")
    assert hash_code(tmp_path) == before
    script.write_text("return 2")
    changed = hash_code(tmp_path)
    script.rename(tmp_path / "room" / "b.lua")
    assert len({before, changed, hash_code(tmp_path)}) == 3
