"""Flower's password where nobody chose one: shown on a terminal, in no log."""

from __future__ import annotations

import sys

import pytest

from smsq.cli.running.up import find_login


def test_a_login_that_is_set_is_used_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_login({"FLOWER_BASIC_AUTH": "ops:secret"}) == "ops:secret"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_new_login_is_shown_on_a_terminal_only(
    is_terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)

    login = find_login({"FLOWER_BASIC_AUTH": ""})

    assert login != find_login({})
    user, _, password = login.partition(":")
    assert user
    assert len(password) == 16
    said = capsys.readouterr().err
    assert (password in said) is is_terminal
    assert "set FLOWER_BASIC_AUTH=user:password" in said
