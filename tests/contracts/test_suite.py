"""How the tests are run: ports of their own for each process, and what a quick run leaves out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quick import changed_files, is_near, is_touched
from tests.side_by_side import arrange
from tests.support import SERVER_VARIABLE, Ports, bind, free_port, use_chosen_server

ROOT = Path(__file__).parents[2]


def test_two_processes_are_never_given_one_port() -> None:
    ours, others = Ports(), Ports()  # as in two processes: each claims its own
    try:
        given = [{each.take() for _ in range(200)} for each in (ours, others)]
    finally:
        ours.close()
        others.close()

    assert not given[0] & given[1]


def test_a_port_comes_again_as_late_as_can_be_and_never_while_it_is_used() -> None:
    ports = Ports()
    try:
        used = ports.take()
        listener = bind(used)
        assert listener
        with listener:
            soon = [ports.take() for _ in range(50)]
            later = [ports.take() for _ in range(100)]
    finally:
        ports.close()

    assert len(set(soon)) == 50
    assert used not in {*soon, *later}


def test_no_connection_of_anybody_takes_a_port_that_was_given() -> None:
    first_that_linux_picks_from = 32_768

    assert free_port() < first_that_linux_picks_from


@pytest.mark.parametrize(
    ("changed", "test", "is_in"),
    [
        ("tests/e2e/test_up.py", "tests/e2e/test_up.py", True),
        ("smsq/pacing/limiter.py", "tests/smsq/pacing/test_limiter.py", True),
        ("smsq/pacing/limiter.lua", "tests/smsq/pacing/test_limiter.py", True),
        ("smsq/pacing/limiter.py", "tests/smsq/store/test_sizes.py", False),
        ("README.md", "tests/e2e/test_up.py", False),
    ],
)
def test_a_change_touches_its_own_tests(changed: str, test: str, *, is_in: bool) -> None:
    assert is_touched(ROOT / test, {ROOT / changed}) is is_in


@pytest.mark.parametrize(
    ("changed", "test", "is_in"),
    [
        ("smsq/pacing/gate.lua", "tests/smsq/pacing/test_limiter.py", True),
        ("smsq/queue.py", "tests/smsq/test_settings.py", True),
        ("tasks/engine.py", "tests/tasks/test_poison.py", True),
        ("tests/tasks/outages.py", "tests/tasks/test_poison.py", True),
        ("smsq/pacing/gate.lua", "tests/smsq/store/test_clock.py", False),
        ("README.md", "tests/tasks/test_poison.py", False),
    ],
)
def test_a_change_is_near_the_tests_of_its_room(changed: str, test: str, *, is_in: bool) -> None:
    assert is_near(ROOT / test, {ROOT / changed}) is is_in


def test_what_has_changed_is_what_git_says(tmp_path: Path) -> None:
    def git(*args: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *who, *args], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    for name in ("same.py", "other.py"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    (tmp_path / "other.py").write_text("2")
    (tmp_path / "new.py").write_text("3")

    assert changed_files(tmp_path) == {tmp_path / "other.py", tmp_path / "new.py"}


@given(waiting=st.sets(st.integers(0, 99)), tests=st.integers(0, 100), workers=st.integers(1, 9))
def test_no_test_is_lost_or_doubled_when_workers_share_them(
    waiting: set[int], tests: int, workers: int
) -> None:
    arranged = arrange(range(tests), waiting.__contains__, workers)

    assert sorted(arranged) == list(range(tests))


def test_every_second_worker_begins_with_what_waits() -> None:
    arranged = arrange([*"ABCDEFGHijklmnopqrstuvwx"], str.isupper, workers=4)

    stretches = ["".join(arranged[n : n + 6]) for n in range(0, 24, 6)]
    assert stretches == ["ABCDij", "klmnop", "EFGHqr", "stuvwx"]


@pytest.mark.long
def test_a_quick_run_starts_no_processes_of_ours_and_keeps_the_short_tests() -> None:
    command = [sys.executable, "-m", "pytest", "--quick", "--collect-only", "-q"]
    listed = subprocess.run(
        [*command, "tests/smsq/cli", "tests/e2e"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout

    assert "test_text_lines.py::" in listed or "test_encodings.py::" in listed
    files = {ROOT / line.split("::")[0] for line in listed.splitlines() if "::" in line}
    of_processes = {file for file in files if file.parent.name == "e2e"}
    assert all(is_touched(file, changed_files()) for file in of_processes)


def test_another_server_is_started_where_a_variable_names_it(tmp_path: Path) -> None:
    other = tmp_path / "valkey-server"
    other.write_text("#!/bin/sh\necho another server\n")
    other.chmod(0o755)
    environ = {SERVER_VARIABLE: str(other), "PATH": os.environ["PATH"]}

    use_chosen_server(environ)

    found = shutil.which("redis-server", path=environ["PATH"])
    assert found is not None
    assert subprocess.check_output([found], text=True) == "another server\n"


def test_a_server_that_is_not_there_ends_the_tests(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no program"):
        use_chosen_server({SERVER_VARIABLE: str(tmp_path / "none"), "PATH": ""})
