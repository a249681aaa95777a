"""Secrets in files, as systemd and Docker hand them over: `SMSQ_..._FILE`.

In:  an environment. Out: the same with what is in the files; or what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: Settings that may be in a file, beside the gateway's token, which only workers read.
IN_FILES = (
    *("SMSQ_REDIS_URL", "SMSQ_BROKER_URL"),
    *("SMSQ_CALLBACK_SECRET", "SMSQ_WEBHOOK_SECRET"),
)


def with_files(environ: Mapping[str, str], mistakes: list[str]) -> Mapping[str, str]:
    """Put in what the files of `IN_FILES` hold; each mistake says what to write instead."""
    found = {}
    for name in IN_FILES:
        if path := environ.get(f"{name}_FILE", "").strip():
            if environ.get(name, "").strip():
                mistakes.append(f"{name} and {name}_FILE are both set: keep one")
                continue
            found[name] = read_secret_file(name, path, mistakes)
    return {**environ, **found} if found else environ


def read_secret_file(name: str, path: str, mistakes: list[str]) -> str:
    """Read the file of one setting; "" after a mistake."""
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        mistakes.append(
            f"{name}_FILE: cannot read it ({type(error).__name__}): write the path of a text file"
        )
        return ""
    if not text:
        mistakes.append(f"{name}_FILE is an empty file: write what {name} would hold")
    return text
