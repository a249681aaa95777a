"""`smsq doctor`: what is wrong with this deployment, and what to do.

In:  the environment. Out: one check per line, as they are made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict

import click

from smsq.cli.output import Exit, json_option, print_json
from smsq.operate.checks import Check, Mark
from smsq.operate.doctor import examine
from smsq.text.shown import show

_SIGNS = {Mark.OK: ("✓", "green"), Mark.WARNING: ("!", "yellow"), Mark.ERROR: ("✗", "red")}

#: Whose error is its own exit code.
_EXITS = {"settings": Exit.BAD_INPUT, "redis": Exit.UNAVAILABLE}

_INDENT = " " * 20


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Check settings, Redis, gateway, broker, workers and beat, and say what to do.

    Nothing is sent. The gateway is checked only if its address and token are set here.

    JSON: {"ok", "checks": [{"name", "status", "detail", "fix"}]}; status is ok, warning or error.

    Exit codes: 0 no error (there may be warnings), 2 wrong settings, 3 Redis cannot be reached, 1
    any other error.
    """
    checks = []
    for check in examine(os.environ):
        checks.append(check)
        if not as_json:
            _show(check)
    code = find_exit(checks)
    if as_json:
        print_json({"ok": code is Exit.DONE, "checks": [asdict(check) for check in checks]})
    raise click.exceptions.Exit(code)


def find_exit(checks: Iterable[Check]) -> Exit:
    """Choose the exit code that the checks make."""
    wrong = [check.name for check in checks if check.status is Mark.ERROR]
    codes = [_EXITS[name] for name in wrong if name in _EXITS]
    return codes[0] if codes else Exit.FAILED if wrong else Exit.DONE


def _show(check: Check) -> None:
    sign, colour = _SIGNS[check.status]
    detail = f"\n{_INDENT}".join(map(show, check.detail.split("\n")))
    click.echo(f"{click.style(sign, fg=colour)} {check.name:<17} {detail}")
    if check.fix:
        click.echo(f"{_INDENT}{click.style(show(check.fix), dim=True)}")
