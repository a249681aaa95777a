"""What the demo tells people to type makes `smsq` theirs, in whatever shell they type it."""

from __future__ import annotations

import json
import subprocess

import pytest

from smsq.cli.running.demo import say_exports


@pytest.mark.long
def test_the_lines_to_type_bring_the_command_and_all_it_needs(environ: dict[str, str]) -> None:
    del environ["SMSQ_NAMESPACE"]  # the demo has a Redis of its own
    lines = [*say_exports(environ), "smsq doctor --json"]

    said = subprocess.run(
        ["sh", "-c", "\n".join(lines)],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    checks = {check["name"]: check for check in json.loads(said.stdout)["checks"]}
    assert checks["settings"]["status"] == "ok"
    assert checks["redis"]["status"] == "ok"
    assert "not asked" in checks["gateway"]["detail"]
