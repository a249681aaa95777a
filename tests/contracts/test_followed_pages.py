"""The pages for Flask and FastAPI, followed to the letter up to a simulated phone."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.contracts.test_pages import find_blocks
from tests.e2e.conftest import Deploy, deploy
from tests.support import free_port, wait_until

__all__ = ["deploy"]

#: By the start of the command, the port that it listens on unless told.
SERVERS = {"flask --app shop run": 5000, "uvicorn shop:app": 8000}


def find_commands(page: str) -> list[str]:
    return re.findall(r"^\$ (.*)$", "".join(find_blocks(page, "console")), re.M)


@contextmanager
def serving(command: str, port: int, folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """Run a web server until the block ends."""
    log = folder / "server.log"
    with (
        log.open("wb") as written,
        subprocess.Popen(
            [*shlex.split(command), "--port", str(port)],
            cwd=folder,
            env=environ,
            stdout=written,
            stderr=written,
        ) as process,
    ):
        try:
            wait_until(lambda: str(port) in log.read_text(), "the app serves")
            yield
        finally:
            process.terminate()


class Follower:
    """Has written the files of a page, and runs its commands; the server gets a free port."""

    def __init__(self, page: str, folder: Path, settings: dict[str, str]) -> None:
        self._folder, self._port = folder, free_port()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environ = {**os.environ, **settings, "PATH": path}
        for block in find_blocks(page, "python"):
            [name] = re.findall(r"^# (\w+\.py)", block)
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write(block)

    def run(self, command: str) -> str:
        for port in SERVERS.values():
            command = command.replace(f":{port}/", f":{self._port}/")
        ran = subprocess.run(
            shlex.split(command),
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
        return ran.stdout

    def serving(self, command: str) -> AbstractContextManager[None]:
        return serving(command, self._port, self._folder, self._environ)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/flask.md", "docs/fastapi.md"])
def test_who_follows_the_page_sees_a_test_pass_and_an_sms_delivered(
    page: str, deploy: Deploy, tmp_path: Path
) -> None:
    commands = find_commands(page)
    [serve] = [command for command in commands if command in SERVERS]
    [send] = [command for command in commands if command.startswith("curl ")]
    assert {"python -m pytest", "smsq stats", "smsq watch ID"} < set(commands)
    with deploy() as deployment:
        names = ("SMSQ_REDIS_URL", "SMSQ_NAMESPACE", "SMSQ_ALPHANAME_ID")
        settings = {n: deployment.environ[n] for n in names if n in deployment.environ}
        follower = Follower(page, tmp_path, settings)

        assert "1 passed" in follower.run("python -m pytest")
        with follower.serving(serve):
            [job] = re.findall(r"j[0-9a-f]{16}", follower.run(send))
        assert "queued" in follower.run("smsq stats")
        assert "1 delivered" in follower.run(f"smsq watch {job}")
