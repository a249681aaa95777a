"""Files that a command reads: by name, or stdin as `-`.

In:  what the command line says. Out: a stream, its name for people, and its size.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from smsq.cli.files.encodings import KNOWN
from smsq.errors import InvalidMessageError

encoding_option = click.option(
    "--encoding",
    type=click.Choice(KNOWN, case_sensitive=False),
    help="Of the file; else UTF-8 where it is that, or a guess at cp1251.",
)


@contextmanager
def open_input(file: str, *, wanted: str) -> Iterator[tuple[BinaryIO, str, int]]:
    """Open a file, or stdin as `-`; with its size in bytes, 0 when that is not known.

    Args:
        file: As the command line names it.
        wanted: What should be named instead of a file that cannot be read, as in "a CSV file".

    Raises:
        InvalidMessageError: It cannot be read.
    """
    if file == "-":
        yield sys.stdin.buffer, "stdin", 0
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        why = f"{file}: cannot be read ({error.strerror}): name {wanted}"
        raise InvalidMessageError([why]) from None
    with stream:
        yield stream, file, os.fstat(stream.fileno()).st_size
