"""What every command shares: JSON or words, errors, exit codes.

In:  results and errors. Out: one document or some words on stdout, errors on stderr.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

import smsq
from smsq.cli.examples import find_example
from smsq.errors import (
    ConfigError,
    InvalidMessageError,
    KeyConflictError,
    LimitedError,
    NotFoundError,
    QueueUnavailableError,
    SmsqError,
)
from smsq.text.shown import show

if TYPE_CHECKING:  # most commands show no table
    from rich.console import Console
    from rich.table import Table


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2  #: or wrong settings
    UNAVAILABLE = 3  #: the queue
    NOT_FOUND = 4
    SOME_REJECTED = 5  #: done, but some rows were rejected
    INTERRUPTED = 130


#: For `smsq --help`.
EXIT_MEANINGS: Mapping[Exit, str] = {
    Exit.DONE: "done",
    Exit.FAILED: "failed otherwise",
    Exit.BAD_INPUT: "bad input or wrong settings",
    Exit.UNAVAILABLE: "the queue is unavailable",
    Exit.NOT_FOUND: "no such job or campaign",
    Exit.SOME_REJECTED: "done, but some rows were rejected",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}

_EXITS: Mapping[type[SmsqError], Exit] = {
    ConfigError: Exit.BAD_INPUT,
    InvalidMessageError: Exit.BAD_INPUT,
    KeyConflictError: Exit.BAD_INPUT,
    QueueUnavailableError: Exit.UNAVAILABLE,
    LimitedError: Exit.UNAVAILABLE,
    NotFoundError: Exit.NOT_FOUND,
}

#: A long list in JSON waits in memory up to this size, then in a nameless file.
_SPOOL_BYTES = 8 * 1024 * 1024

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there."
)


@contextmanager
def tell_errors(*, as_json: bool) -> Iterator[None]:
    """End the command when something in the block fails.

    Words go to stderr; with `as_json` the error is on stdout too, as one document.
    """
    try:
        yield
    except SmsqError as error:
        told = error
    except click.ClickException as error:
        mistake = _say_what_to_write(error)
        if as_json:
            kind = "UsageError" if isinstance(mistake, click.UsageError) else "Error"
            print_json(_describe(kind, mistake.format_message()))
        raise mistake from None
    else:
        return
    if as_json:
        print_json(_describe(type(told).__name__, str(told), told))
    _say(told)
    raise click.exceptions.Exit(_EXITS.get(type(told), Exit.FAILED))


def put(line: str, *, err: bool = False) -> None:
    """Print a line in which words stand that are not ours: none of them acts on a terminal.

    Line ends before it are ours; one within it is somebody's who would write a line of his own.
    """
    words = line.lstrip("\n")
    click.echo("\n" * (len(line) - len(words)) + show(words), err=err)


def _say(error: SmsqError) -> None:
    for line in str(error).splitlines():
        put(f"smsq: {line}", err=True)
    if isinstance(error, QueueUnavailableError) and not error.may_be_stored:
        click.echo("smsq: nothing was changed: start Redis, or correct SMSQ_REDIS_URL", err=True)


def _say_what_to_write(error: click.ClickException) -> click.ClickException:
    """Show the command's example where arguments are missing, or more than it takes.

    What was written is left out: a text without quotation marks would be repeated in the error.
    """
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return error
    example = find_example(error.ctx.command)
    if isinstance(error, click.MissingParameter) and example:
        missing = error.format_message().rstrip(".")
        return click.UsageError(f"{missing}: write for example\n  {example}", error.ctx)
    if not error.message.startswith("Got unexpected extra argument"):
        return error
    has_text = any(param.name == "text" for param in error.ctx.command.params)
    what = "put quotation marks around a text" if has_text else f"write for example\n  {example}"
    return click.UsageError(f"too many arguments: {what}", error.ctx)


def _describe(kind: str, message: str, error: SmsqError | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"type": kind, "message": message}
    told["mistakes"] = list(getattr(error, "mistakes", [message]))
    if isinstance(error, QueueUnavailableError):
        told["may_be_stored"] = error.may_be_stored
    return {"error": told}


def print_json(document: object) -> None:
    """Print one document; ASCII, so that no terminal's encoding can break it."""
    click.echo(json.dumps(document, allow_nan=False))


def print_spooled(document: Mapping[str, Any], name: str, rows: Iterable[object]) -> None:
    """Print a document with a list that need not fit in memory; all of it, or nothing."""
    head = json.dumps(document)[:-1]
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES, mode="w+") as spool:
        spool.write(f"{head}{', ' if document else ''}{json.dumps(name)}: [")
        for n, row in enumerate(rows):
            spool.write(", " if n else "")
            spool.write(json.dumps(row))
        spool.write("]}\n")
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout)
        sys.stdout.flush()


def make_console(*, err: bool = False) -> Console:
    """Make a console that shows what it is given, without markup or colours of its own."""
    rich: Any = import_module("rich.console")
    made: Console = rich.Console(stderr=err, highlight=False, markup=False, soft_wrap=True)
    return made


def make_table(*headings: str) -> Table:
    """Make a table whose first column, an id, is never broken: it is there to be copied."""
    rich: Any = import_module("rich.table")
    table: Table = rich.Table(box=None, pad_edge=False)
    table.add_row = partial(_add_row, table.add_row)  # type: ignore[method-assign]
    for n, heading in enumerate(headings):
        table.add_column(heading, no_wrap=n == 0, overflow="fold")
    return table


def _add_row(add: Callable[..., None], *cells: object, **options: Any) -> None:
    """Add a row to a table: no word in it acts on the terminal."""
    add(*(show(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def is_terminal() -> bool:
    """True when a person sees what goes to stderr."""
    return sys.stderr.isatty()


@contextmanager
def open_queue() -> Iterator[smsq.SmsQueue]:
    """Open the queue that the environment names.

    Raises:
        ConfigError: With every wrong setting.
    """
    queue = smsq.SmsQueue.from_env()
    try:
        yield queue
    finally:
        queue.close()


def say_number(n: int, thing: str) -> str:
    """Say how many there are of a thing, as in `1 row`, `2 rows`."""
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"
