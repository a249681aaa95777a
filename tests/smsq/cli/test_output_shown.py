"""Words that are not ours act on no terminal, whichever way a command prints them."""

from __future__ import annotations

import click
import pytest

from smsq.cli.output import make_console, make_table, put, tell_errors
from smsq.errors import InvalidMessageError

HOSTILE = "\x1b]0;pwned\x07\x1b[2Jgate open\u202e\nrate 1"
SHOWN = "\\x1b]0;pwned\\x07\\x1b[2Jgate open\\u202e"


def test_a_line_a_table_and_an_error_show_what_would_act(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(f"\nname  {HOSTILE}")
    table = make_table("id", "name")
    table.add_row("j1", HOSTILE)
    make_console().print(table)
    with pytest.raises(click.exceptions.Exit), tell_errors(as_json=False):
        raise InvalidMessageError([HOSTILE])

    out, err = capsys.readouterr()
    for said in (out, err):
        assert "pwned" in said
        assert not set("\x1b\x07\u202e") & set(said)
    assert out.startswith(f"\nname  {SHOWN}\\nrate 1\n")
