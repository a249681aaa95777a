"""`smsq web-user`: what it prints lets that user in; what can be guessed is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from smsq.cli import main
from smsq.environment.page import passwords
from smsq.environment.page.passwords import fits
from smsq.settings import Settings

GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LOG2_N", 4)


def run(*args: str, typed: str = f"{GOOD}\n") -> Result:
    return CliRunner().invoke(main, ["web-user", *args], input=typed)


def test_the_line_is_good_for_the_file_and_for_the_setting(tmp_path: Path) -> None:
    line = run("anna").stdout.strip()
    path = tmp_path / "operators"
    path.write_text(f"{line}\n")
    of_file = Settings.from_env({"SMSQ_WEB_OPERATORS_FILE": str(path)}, needs_page=True)
    of_setting = Settings.from_env({"SMSQ_WEB_OPERATORS": line}, needs_page=True)

    assert of_file.web_operators == of_setting.web_operators
    [anna] = of_file.web_operators
    assert anna.name == "anna"
    assert fits(GOOD, anna.secret)
    assert GOOD not in line
    assert json.loads(run("anna", "--json").stdout)["line"].startswith("anna:scrypt:")


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("anna", "short\n", "password: write a password of 12 to 200 characters"),
        ("anna", "", "password: write a password of 12"),
        ("anna", "Anna is the best\n", "does not contain the name"),
        ("anna", "scrypt:of all things\n", "does not begin with scrypt:"),
        ("an na", f"{GOOD}\n", "NAME: write a name"),
        ("a:b", f"{GOOD}\n", "NAME: write a name"),
    ],
)
def test_what_can_be_guessed_or_is_no_name_is_refused(name: str, typed: str, said: str) -> None:
    ran = run(name, typed=typed)

    assert ran.exit_code == 2
    assert said in ran.output
    assert ran.stdout == ""
