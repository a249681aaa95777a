"""What the command line says to who has written something else than it takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from smsq.cli import COMMANDS, main
from smsq.cli.examples import EXAMPLES
from smsq.cli.output import Exit
from tests.smsq.cli.conftest import Smsq
from tests.support import free_port


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("send", "smsq send-quick or smsq send-bulk"),
        ("stat", "smsq status or smsq stats"),
        ("statsu", "smsq stats or smsq status"),
        ("retry", "smsq dead retry"),
        ("campaign", "smsq campaigns"),
        ("Doctor", "smsq doctor"),
        ("nonsense", ""),
    ],
)
def test_a_command_that_is_not_there_is_answered_with_those_near_it(
    written: str, meant: str
) -> None:
    ran = CliRunner().invoke(main, [written])

    expected = f"write {meant}" if meant else "smsq --help lists them all"
    assert ran.exit_code == Exit.BAD_INPUT
    assert ran.stderr.splitlines()[-1] == f"Error: no such command: {expected}"


def test_smsq_alone_shows_its_help() -> None:
    ran = CliRunner().invoke(main, [])

    assert ran.output.startswith("Usage: ")
    assert "Exit codes:" in ran.output


#: What has to be given arguments.
HUNGRY = [
    path.split()
    for path in EXAMPLES
    if re.search(rf"^smsq {path} [^-|>]", EXAMPLES[path][0])
    and path not in {"unmatched", "rate", ""}
]


@pytest.mark.parametrize("words", HUNGRY, ids=" ".join)
def test_a_command_without_its_arguments_shows_an_example(words: list[str]) -> None:
    ran = CliRunner().invoke(main, words)

    assert ran.exit_code == Exit.BAD_INPUT
    if words != ["dead", "retry"]:  # it takes ids, or an option: and says so
        assert f"write for example\n  {EXAMPLES[' '.join(words)][0]}" in ran.stderr


@pytest.mark.parametrize("words", [["pause", "a", "b"], ["status", "a", "b"], ["stats", "a"]])
def test_too_many_arguments_are_answered_with_an_example(words: list[str]) -> None:
    ran = CliRunner().invoke(main, words)

    assert ran.exit_code == Exit.BAD_INPUT
    assert "too many arguments: write for example\n  smsq " in ran.stderr
    assert "quotation marks" not in ran.stderr


@pytest.mark.parametrize("n", ["-1", "fast", "0"])
def test_a_rate_that_is_none_is_said_to_be_none(smsq: Smsq, n: str) -> None:
    ran = smsq("rate", n)

    assert ran.exit_code == Exit.BAD_INPUT
    assert "write" in ran.stderr
    assert "option" not in ran.stderr


def test_a_redis_that_is_away_is_two_lines_that_say_what_to_do(smsq: Smsq) -> None:
    ran = smsq("stats", SMSQ_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")

    assert ran.exit_code == Exit.UNAVAILABLE
    assert ran.stderr.splitlines() == [
        "smsq: Redis cannot be reached (ConnectionError)",
        "smsq: nothing was changed: start Redis, or correct SMSQ_REDIS_URL",
    ]


@pytest.mark.parametrize(
    "command", ["stats", "campaigns", "doctor", "worker", "beat", "web", "flower", "up"]
)
def test_wrong_settings_are_named_each_in_a_line_and_nothing_starts(
    command: str, environ: dict[str, str], tmp_path: Path
) -> None:
    wrong = {
        **environ,
        "FLOWER_BASIC_AUTH": "ops:password",
        "SMSQ_RATE_PER_S": "fast",
        "SMSQ_NAMESPCE": "shop",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "smsq.cli", command],
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[3]), **wrong},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == Exit.BAD_INPUT
    said = ran.stdout + ran.stderr
    assert "SMSQ_RATE_PER_S: write a number from 0.001 to 10000" in said
    assert "SMSQ_NAMESPCE is not a setting: write SMSQ_NAMESPACE" in said
    assert "Traceback" not in said


def test_no_command_ends_in_a_traceback_whatever_single_word_follows(smsq: Smsq) -> None:
    running = {"up", "worker", "beat", "web", "flower", "alive", "demo", "simulator"}
    for name in set(COMMANDS) - running:
        for word in ("nonsense", "--nonsense", "-1", "é", ""):
            assert smsq(name, word).exit_code in set(Exit), (name, word)
