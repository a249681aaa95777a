"""`smsq secret`: a secret that nobody guesses.

In:  nothing. Out: 43 letters, digits, - and _, from the system's own dice.
"""

from __future__ import annotations

import secrets

import click

from smsq.cli.output import json_option, print_json

_BYTES = 32


@click.command()
@json_option
def secret(*, as_json: bool) -> None:
    """Make a secret for SMSQ_CALLBACK_SECRET, SMSQ_WEBHOOK_SECRET or a password.

    To change one without a gap, write the new one before the old one, with a comma between them;
    docs/security.md has the steps for each.

    JSON: {"secret"}.
    """
    made = secrets.token_urlsafe(_BYTES)
    if as_json:
        print_json({"secret": made})
    else:
        click.echo(made)
