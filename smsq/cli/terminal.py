"""What a terminal or a log file cannot show is written with the letters that it has.

In:  stdout and stderr as the system made them. Out: the same, which end no command. Tables and
JSON are not for people: they are UTF-8 or ASCII wherever they go.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

_DEGRADE = "smsq.degrade"

_SIGNS = {
    "✓": "[ok]",
    "✗": "[x]",
    "→": "->",
    "←": "<-",
    "…": "...",
    "·": "-",
    "€": "EUR",
    **dict.fromkeys("\u2010\u2011\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("─━", "-"),
    **dict.fromkeys("│┃", "|"),
}


def degrade(error: UnicodeError) -> tuple[str, int]:
    """Write letters without their accents and signs in ASCII; a question mark for all others."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(map(_write, letters)), error.end


def _write(letter: str) -> str:
    if letter in _SIGNS:
        return _SIGNS[letter]
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"


def prepare() -> None:
    """Have stdout and stderr show what they can."""
    codecs.register_error(_DEGRADE, degrade)
    for stream in (sys.stdout, sys.stderr):
        # Closed streams, and those of another's making, stay as they are.
        if isinstance(stream, TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors=_DEGRADE)


def open_stdout_as_file() -> TextIO:
    """Give stdout for a table that is read by programs: in UTF-8, as a file would be."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.reconfigure(encoding="utf-8", errors="strict", newline="")
    return sys.stdout
