"""What tests of the command line may ask for: `smsq` in this process, or as one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from smsq.cli import main

ROOT = Path(__file__).parents[3]

Smsq = Callable[..., Result]


@pytest.fixture
def smsq(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smsq:
    """Run a command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SMSQ_")]:
        monkeypatch.delenv(name)

    def run(*args: str, stdin: str | bytes | None = None, **more: str) -> Result:
        result = CliRunner().invoke(main, args, input=stdin, env={**environ, **more})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def smsq_json(smsq: Smsq) -> Callable[..., Any]:
    """Run a command with `--json`; gives its document, which must be all that stdout holds."""

    def run(*args: str, exit_code: int = 0, **more: Any) -> Any:
        result = smsq(*args, "--json", **more)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    return run


def start(
    *args: str, environ: Mapping[str, str], cwd: Path, stdin: int | None = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    """Start `python -m smsq.cli` as a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMSQ_")}
    return subprocess.Popen(
        [sys.executable, "-m", "smsq.cli", *args],
        env={**kept, "PYTHONPATH": str(ROOT), **environ},
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
