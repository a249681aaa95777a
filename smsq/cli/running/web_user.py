"""`smsq web-user`: a line for the file of those who may log in to the operators' page.

In:  a name; a password from the keyboard, or from stdin. Out: the line. The password is not kept.
"""

from __future__ import annotations

import sys

import click

from smsq.cli.output import Exit, json_option, print_json
from smsq.cli.params import to_unicode
from smsq.environment.page.passwords import find_fault, hash_password, is_hash
from smsq.environment.page.users import check_user_name


class BadUser(click.ClickException):
    """A name or a password that is none."""

    exit_code = Exit.BAD_INPUT


@click.command(name="web-user")
@click.argument("name", callback=to_unicode)
@json_option
def web_user(name: str, *, as_json: bool) -> None:
    """Ask for a password, and print the line of NAME for SMSQ_WEB_OPERATORS_FILE.

    The same line is good for SMSQ_WEB_READERS_FILE, and for both settings without _FILE. The
    password is read from stdin where that is no terminal.

    JSON: {"name", "line"}.
    """
    try:
        check_user_name(name)
    except ValueError as error:
        raise BadUser(f"NAME: {error}") from None
    password = _read_password()
    if is_hash(password):
        raise BadUser("password: write one that does not begin with scrypt:")
    if fault := find_fault(name, password):
        raise BadUser(f"password: {fault}")
    line = f"{name}:{hash_password(password)}"
    if as_json:
        print_json({"name": name, "line": line})
    else:
        click.echo(line)


def _read_password() -> str:
    if sys.stdin.isatty():
        asked = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return str(asked)
    return sys.stdin.readline().rstrip("\r\n")
