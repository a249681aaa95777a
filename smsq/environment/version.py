"""Which smsq this is.

In:  the package's metadata and files. Out: its version, and a few letters of its code's hash.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

#: The package.
_FOLDER = Path(__file__).parents[1]

#: What decides how it works and how it stores.
_CODE = {".py", ".lua"}

_LETTERS = 7


@cache
def read_version() -> str:
    """Name this smsq, as `0.1.0 3f2a91c`: two of one version may differ in their code.

    Read it when a process starts: later the files may be those of the next version.
    """
    return f"{_read_release()} {hash_code(_FOLDER)}"


def hash_code(folder: Path) -> str:
    """Letters that differ whenever a file of code does, or its name."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in _CODE:
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            found.update(path.read_bytes() + b"\0")
    return found.hexdigest()[:_LETTERS]


def _read_release() -> str:
    try:
        return metadata.version("smsq")
    except metadata.PackageNotFoundError:  # a checkout that is not installed
        return "unreleased"
