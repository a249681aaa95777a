"""What is no regular file is written to and stays what it is."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsq.cli.files.private_files import open_private
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]
PHONES = "phone,text\n375291234567,hi\n12,hi\n"


def test_a_regular_file_is_replaced_by_one_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("older")
    path.chmod(0o644)
    with open_private(path) as stream:
        stream.write("new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_to_a_file_is_replaced_and_the_file_stays(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept", tmp_path / "link"
    kept.write_text("kept")
    link.symlink_to(kept)
    with open_private(link) as stream:
        stream.write("new")

    assert kept.read_text() == "kept"
    assert not link.is_symlink()


@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_is_written_to(tmp_path: Path, is_link: bool) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with open_private(link if is_link else pipe) as stream:
        stream.write("row")
    reader.join(10)

    assert read == ["row"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert link.is_symlink()


@pytest.mark.parametrize(
    "command",
    [
        ("send-bulk", "a.csv", "--name", "x", "--rejects"),
        ("optout", "import", "a.csv", "--rejects"),
    ],
)
def test_rejects_may_go_nowhere_or_to_stdout(command: tuple[str, ...], smsq: Smsq) -> None:
    Path("a.csv").write_text(PHONES)
    Path("nowhere").symlink_to("/dev/null")

    assert smsq(*command, "nowhere").exit_code == 5
    assert Path("nowhere").is_symlink()
    told = smsq(*command, "-")
    assert told.exit_code == 5
    assert told.stdout.splitlines()[0] == "line,column,reason,phone,text"
    assert not Path("-").exists()
    refused = smsq(*command, "-", "--json")
    assert refused.exit_code == 2
    assert "--rejects - and --json both write to stdout" in refused.stderr


def test_who_failed_may_go_to_a_pipe_too(smsq: Smsq, smsq_json: Json) -> None:
    campaign = smsq_json("send-quick", "375291234567", "hi")["id"]
    Path("nowhere").symlink_to("/dev/null")

    assert smsq("failed", campaign, "nowhere").exit_code == 0
    assert Path("nowhere").is_symlink()
