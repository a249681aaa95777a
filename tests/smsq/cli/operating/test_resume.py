"""`smsq send-bulk --key`, interrupted and started again: real processes, killed at real rows."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from smsq.intake.new_jobs import digest
from smsq.queue import SmsQueue
from smsq.store.scripts import Scripts
from tests.smsq.cli.conftest import start
from tests.support import wait_until

pytestmark = pytest.mark.long

Json = Callable[..., Any]
#: Every tenth row is bad, every eleventh phone came before.
PHONES = [f"37529{1234000 + i - i % 11 // 10}" if i % 10 else f"bad {i}" for i in range(400)]
ROWS = "".join(f"{phone},Anna {i}\n" for i, phone in enumerate(PHONES))
GOOD = {phone for phone in PHONES if phone.startswith("375")}
ARGS = ("send-bulk", "-", "--name", "x", "--text", "Dear {name}", "--key", "k")


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"SMSQ_BULK_MAX_RECIPIENTS": "20"}


def start_and_stop(
    sign: signal.Signals, jobs: int, *, environ: Mapping[str, str], cwd: Path, scripts: Scripts
) -> subprocess.Popen[str]:
    """Start a run whose input never ends, and stop it once so many jobs are staged."""
    process = start(*ARGS, environ=environ, cwd=cwd, stdin=subprocess.PIPE)
    assert process.stdin is not None
    lines = ROWS.splitlines(keepends=True)[: jobs * 25 + 7]
    process.stdin.write("phone,name\n" + "".join(lines))
    process.stdin.flush()
    draft = scripts.keys.draft(digest("k"))
    wait_until(lambda: int(str(scripts.redis.hget(draft, "jobs") or 0)) >= jobs, "jobs are staged")
    process.send_signal(sign)
    process.communicate()
    return process


def test_a_killed_run_goes_on_where_it_stopped(
    environ: dict[str, str], tmp_path: Path, scripts: Scripts, smsq_json: Json, queue: SmsQueue
) -> None:
    for jobs in (3, 9):
        start_and_stop(signal.SIGKILL, jobs, environ=environ, cwd=tmp_path, scripts=scripts)
        assert sum(queue.stats().recipients.values()) == 0
    staged = scripts.redis.hgetall(scripts.keys.draft(digest("k")))
    told = smsq_json(*ARGS, stdin=f"phone,name\n{ROWS}", exit_code=5)

    assert told["id"] == staged["campaign"]
    assert sorted(row.phone for row in queue.recipients(told["id"])) == sorted(GOOD)
    assert sum(queue.stats().recipients.values()) == len(GOOD) == told["recipients"]
    assert queue.stats().jobs["queued"] == told["jobs"] == -(-len(GOOD) // 20)  # type: ignore[index]
    rejects = Path("rejects.csv").read_text().splitlines()
    assert len(rejects) == len(set(rejects)) == 1 + told["rejected"] == 1 + 40
    assert told["recipients"] + told["rejected"] + told["duplicates"] == len(PHONES)
    assert smsq_json(*ARGS, stdin=f"phone,name\n{ROWS}", exit_code=5) == told


def test_a_person_is_told_how_to_go_on_and_that_it_does(
    environ: dict[str, str], tmp_path: Path, scripts: Scripts, smsq: Any
) -> None:
    process = start(*ARGS, environ=environ, cwd=tmp_path, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("phone,name\n" + "".join(ROWS.splitlines(keepends=True)[:150]))
    process.stdin.flush()
    draft = scripts.keys.draft(digest("k"))
    wait_until(lambda: int(str(scripts.redis.hget(draft, "jobs") or 0)) >= 3, "jobs are staged")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    assert (process.returncode, out) == (130, "")
    assert "nothing is sent; the same command goes on here" in err
    result = smsq(*ARGS, stdin=f"phone,name\n{ROWS}")
    assert "going on where it stopped" in result.stderr
    assert "recipients staged before" in result.stderr


def test_a_run_goes_on_only_with_the_rows_it_began_with(
    environ: dict[str, str], tmp_path: Path, scripts: Scripts, smsq_json: Json, queue: SmsQueue
) -> None:
    start_and_stop(signal.SIGKILL, 3, environ=environ, cwd=tmp_path, scripts=scripts)
    other = ROWS.replace("Anna 1\n", "Ivan 1\n")
    told = smsq_json(*ARGS, stdin=f"phone,name\n{other}", exit_code=2)

    assert told["error"]["type"] == "KeyConflictError"
    assert "begun with this key" in told["error"]["message"]
    assert "Ivan" not in json.dumps(told)
    assert sum(queue.stats().recipients.values()) == 0
    assert smsq_json(*ARGS, stdin=f"phone,name\n{ROWS}", exit_code=5)["recipients"] == len(GOOD)
