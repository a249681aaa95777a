"""Reads which scenarios a measurement is to run.

In:  a command line. Out: names of scenarios; or what to write instead, and exit code 2.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence


def read_names(module: str, arguments: Sequence[str], known: Collection[str]) -> list[str]:
    """Read the names of scenarios.

    Args:
        module: The script, as after `python -m`.
        arguments: What follows it.
        known: All its scenarios.

    Returns:
        Those that are asked for; none when all are.

    Raises:
        SystemExit: One is not known (2), or help was asked for (0).
    """
    listed = ", ".join(known)
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("scenario", nargs="*", help=f"some of: {listed}; all unless named")
    names: list[str] = parser.parse_args(arguments).scenario
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no scenario is called {unknown[0]!r}: write some of {listed}; none for all")
    return names
