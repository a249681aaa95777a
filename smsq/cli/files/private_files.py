"""Opens files for writing that only their owner can read: they hold phones.

In:  a path, `-` for stdout. Out: a stream. What is no regular file is written to, never replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from smsq.cli.terminal import open_stdout_as_file

#: Stands for stdout.
STDOUT = "-"


@contextmanager
def open_private(path: Path | str, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Open a file for writing; an older one is replaced.

    A pipe, a terminal or `/dev/null` is written to, also where a link leads there.

    Raises:
        OSError: It cannot be opened.
    """
    if str(path) == STDOUT:
        stream = open_stdout_as_file()
        yield stream
        stream.flush()
        return
    with os.fdopen(_open(Path(path)), "w", encoding=encoding, newline="") as stream:
        yield stream


def _open(path: Path) -> int:
    if path.exists() and not path.is_file():
        return os.open(path, os.O_WRONLY)
    # Removed first: an older file might be a link, or be readable to others.
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
