"""Every command can be run wherever its output goes: what cannot be shown is written otherwise."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from smsq.cli import COMMANDS, main
from smsq.cli.commands import Commands
from smsq.cli.terminal import degrade
from smsq.models import BulkMessage, PersonalMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings

#: The first stands for no locale at all.
ENCODINGS = ("ascii", "cp1251", "koi8-r", "cp866", "latin-1")
#: Whose letters every command is run with.
LOCALES = ENCODINGS[:4]
NAME = "Распродажа ☎ “é” …"
PHONE = "375291234567"

#: Those that run on until they are stopped; their helps are tested.
_SERVERS = {"up", "worker", "beat", "web", "flower", "simulator", "demo", "watch"}


def list_paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command with those below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from list_paths(found, (*path, name))


PATHS = list(list_paths(main))


def run(args: Sequence[str], environ: Mapping[str, str], encoding: str) -> Result:
    runner = CliRunner(charset=encoding)
    result = runner.invoke(main, args, env={**environ, "TERM": None, "COLUMNS": "80"})
    assert result.exception is None or isinstance(result.exception, SystemExit), args
    is_table = args[0] in {"failed", "export"}
    if encoding != "ascii" and not is_table:  # where there is nothing else, click writes UTF-8
        result.output_bytes.decode(encoding)
    return result


@pytest.fixture
def filled(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A ledger with names and texts in all letters; gives ids."""
    monkeypatch.chdir(tmp_path)
    with_rows = f"phone,text\n{PHONE},{NAME}\n12,{NAME}\n"
    Path("a.csv").write_text(with_rows, encoding="utf-8")
    queue = SmsQueue(settings=Settings.from_env({**environ, "SMSQ_KEEP_TEXTS": "1"}))
    one = queue.send_quick(PHONE, NAME)
    many = queue.send_bulk([BulkMessage(name=NAME, text=NAME, phones=[PHONE])])
    own = queue.send_bulk([PersonalMessage(name=NAME, texts=[(PHONE, NAME)])])
    queue.cancel(own)
    queue.close()
    return [one, many, own]


def make_calls(ids: Sequence[str]) -> list[list[str]]:
    """Each command as it may be written: with ids, mistakes, files, and without anything."""
    by_hand = [
        ["parts", NAME],
        ["parts", "e\u0301\u0301 ☎"],
        ["send-quick", PHONE, NAME, "--alphaname-id", "é"],
        ["send-quick", PHONE, NAME * 200],
        ["send-bulk", "a.csv", "--name", NAME],
        ["send-bulk", "a.csv", "--name", NAME, "--dry-run"],
        ["send-bulk", "☎.csv", "--name", NAME],
        ["send-bulk", "a.csv", "--name", NAME, "--text-column", "☎"],
        ["failed", ids[2], "--cancelled", "-"],
        ["export", "--recipients"],
        ["status", "☎"],
        ["☎"],
    ]
    paths = [path for path in PATHS if path and path[0] not in _SERVERS]
    plain = [[*path, *more] for path in paths for more in ([], [ids[0]], [ids[1]], ["--json"])]
    return [*by_hand, *plain]


def test_every_command_ends_as_documented_whatever_the_terminal_shows(
    filled: list[str], environ: dict[str, str]
) -> None:
    calls = make_calls(filled)
    assert len(calls) > 100
    told = {
        (encoding, *args): run(args, environ, encoding).exit_code
        for args in calls
        for encoding in ("utf-8", *LOCALES)
    }

    assert set(told.values()) <= {0, 1, 2, 3, 4, 5}
    for encoding in LOCALES:
        # A repeated send finds its key or sends once more: only those may end in another way.
        assert {
            args for args in map(tuple, calls) if told[encoding, *args] != told["utf-8", *args]
        } == set()


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_help_is_shown_in_80_columns_of_ascii(path: tuple[str, ...]) -> None:
    result = run([*path, "--help"], {}, "ascii")

    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_signs_are_written_otherwise_where_they_cannot_be_shown(
    encoding: str, filled: list[str], environ: dict[str, str]
) -> None:
    shown = run(["doctor"], environ, encoding).stdout

    assert "[ok] settings" in shown


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_on_stdout_is_utf_8_wherever_it_goes(
    encoding: str, filled: list[str], environ: dict[str, str]
) -> None:
    raw = CliRunner(charset=encoding).invoke(
        main, ["failed", filled[2], "--cancelled", "-"], env={**environ, "SMSQ_KEEP_TEXTS": "1"}
    )
    rows = list(csv.reader(io.StringIO(raw.stdout_bytes.decode("utf-8"), newline="")))

    assert rows[1][-1] == NAME


@given(st.text(), st.sampled_from(ENCODINGS))
def test_any_text_can_be_shown(text: str, encoding: str) -> None:
    shown = io.BytesIO()
    for letter in text:
        try:
            shown.write(letter.encode(encoding))
        except UnicodeEncodeError as error:
            written, end = degrade(error)
            assert end == 1
            assert written.isascii()
            assert written
            shown.write(written.encode(encoding))


@pytest.mark.parametrize("locale", ["C", "POSIX", "ru_RU.KOI8-R", "be_BY.CP1251"])
@pytest.mark.parametrize("command", ["doctor", "parts"])
def test_cron_runs_it(locale: str, command: str, tmp_path: Path) -> None:
    """No terminal, no home, nothing on stdin, a locale that may not be installed."""
    environ = {"PATH": os.environ["PATH"], "LC_ALL": locale, "PYTHONCOERCECLOCALE": "0"}
    environ |= {"PYTHONUTF8": "0", "SMSQ_REDIS_URL": "redis://127.0.0.1:1/0"}
    args = [NAME] if command == "parts" else []
    script = "import os, sys; os.close(0); os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", script, sys.executable, "-m", "smsq.cli", command, *args],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        check=False,
    )

    assert b"Traceback" not in done.stderr
    assert done.returncode == (0 if command == "parts" else 3)


def test_the_sweep_knows_every_command() -> None:
    assert {path[0] for path in PATHS if path} == COMMANDS.keys()
    assert isinstance(main, Commands)
