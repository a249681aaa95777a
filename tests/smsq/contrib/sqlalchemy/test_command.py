"""`python -m smsq.contrib.sqlalchemy`: the relay, and what an operator asks it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from smsq.contrib.outbox.command import Stop
from smsq.contrib.sqlalchemy.__main__ import main
from smsq.models import JobState
from tests.smsq.contrib.sqlalchemy.conftest import Shop
from tests.support import wait_until


@pytest.fixture(autouse=True)
def environment(
    environ: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """What a relay is started with."""
    settings = environ | {"SMSQ_OUTBOX_URL": address}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


def test_one_run_hands_over_what_waits(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    row_id = shop.add()

    assert main(["--once"]) == 0
    assert shop.row(row_id).state == "stored"
    assert main(["--status"]) == 0
    assert capsys.readouterr().out == "0 waiting, the oldest for 0.0 s; 0 failed\n"


def test_one_run_says_by_its_exit_code_that_rows_are_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add()
    monkeypatch.setenv("SMSQ_REDIS_URL", "redis://127.0.0.1:1/0")

    assert main(["--once"]) == 1


def test_a_failed_row_is_listed_without_its_phone(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    row_id = shop.add("code 4821")
    with shop.engine.begin() as connection:
        connection.execute(sa.update(shop.outbox.table).values(phone="+37529123456"))
    main(["--once"])

    assert main(["--failed", "--json"]) == 0
    said = capsys.readouterr().out
    [failed] = json.loads(said)["failed"]
    assert (failed["id"], failed["code"]) == (str(row_id), "phone_invalid")
    assert "37529123456" not in said
    assert "4821" not in said
    assert main(["--drop", str(row_id)]) == 0
    assert main(["--drop", str(row_id)]) == 1


def test_a_database_without_the_table_is_one_sentence(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--status"]) == 3
    assert capsys.readouterr().out.startswith("the database has no answer (")


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_command_without_a_database_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SMSQ_OUTBOX_URL")

    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert "set SMSQ_OUTBOX_URL" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_an_address_is_not_repeated_for_it_may_hold_a_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--database", "nosql://user:secret@host/db"])
    assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_signal_ends_a_wait_at_once() -> None:
    with Stop() as stop:
        assert not stop(0.0)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert stop(60.0)
        assert stop(0.0)


@pytest.mark.slow
def test_relays_run_side_by_side_until_they_are_told_to_end(
    shop: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "smsq.contrib.sqlalchemy"]
    logs = [tmp_path / f"{n}.log" for n in range(2)]
    relays = []
    for log in logs:
        with log.open("wb") as out:
            relays.append(subprocess.Popen(command, env={**os.environ, **environment}, stderr=out))
    try:
        wait_until(lambda: all(b"works" in log.read_bytes() for log in logs), "both relays work")
        for n in range(300):
            shop.add(str(n))
        waiting = shop.outbox.rows(shop.engine)
        wait_until(lambda: not waiting.status(now_ms=0).waiting, "all rows are handed over")
    finally:
        for relay in relays:
            relay.terminate()
    assert [relay.wait(timeout=20) for relay in relays] == [0, 0]
    assert shop.queue.stats().jobs[JobState.QUEUED] == 300


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_without_sqlalchemy_one_sentence_says_what_to_install() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['sqlalchemy'] = None; "
         "import smsq.contrib.sqlalchemy"],
        capture_output=True,
        text=True,
        check=False,
    ).stderr  # fmt: skip

    last = said.strip().splitlines()[-1]
    assert last.startswith("ImportError: smsq.contrib.sqlalchemy needs SQLAlchemy")
    assert "During handling" not in said
