"""A Redis of the measurement's own, with a user for smsq whose rights can be changed.

In:  a folder. Out: a running server; what it answers to somebody who comes and writes.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError, ResponseError
from redis.retry import Retry

from bench.faults import MissingToolError
from smsq.cli.running.stack import free_port
from tests.support import start_child, wait_until

USER = "sms"
ALL_RIGHTS = "+@all"

#: A refusal is what is asked for; redis-py tries for some seconds otherwise.
NEVER = Retry(NoBackoff(), 0)


@dataclass(slots=True)
class Server:
    """The server; the measuring process is its default user, smsq has one of its own.

    Attributes:
        folder: Where it writes.
        admin: The measuring process' client.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    admin: Redis = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        """As in `SMSQ_REDIS_URL`."""
        return f"redis://{USER}:{self.password}@127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> None:
        """Start it on what it wrote before; it may still be loading afterwards."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "yes"]
        command += ["--user", USER, "on", f">{self.password}", "~smsq:*", "&*", ALL_RIGHTS]
        command += ["--enable-debug-command", "local"] if self._has_switches() else []
        self._process = start_child([*command, "--loglevel", "warning", *options])
        self.admin = Redis(port=self.port, decode_responses=True)
        wait_until(self._answers, "redis-server answers")

    def _has_switches(self) -> bool:
        """Whether it is of a version in which DEBUG has to be allowed."""
        said = subprocess.run(["redis-server", "--version"], capture_output=True, check=True)
        return b"v=6." not in said.stdout

    def _answers(self) -> bool:
        try:
            return bool(self.admin.ping())
        except (ResponseError, BusyLoadingError):
            return True  # it refuses

    def shut_down(self) -> None:
        """End it as a planned restart does: everything is on its disk."""
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        """End it."""
        self.admin.close()
        self._process.kill()
        self._process.wait()

    def give(self, *rights: str) -> None:
        """Change what smsq's user may do."""
        admin: Any = self.admin
        admin.execute_command("ACL", "SETUSER", USER, *rights)

    def ask(self) -> RedisError | None:
        """Come as smsq's user does and write something; returns what Redis refused."""
        visitor = Redis.from_url(self.url, socket_timeout=5, retry=NEVER)
        try:
            visitor.zadd("smsq:asked", {"a": 1})
            visitor.delete("smsq:asked")
        except RedisError as error:
            return error
        finally:
            visitor.close()
        return None


@contextmanager
def small_disk(folder: Path, mb: int) -> Iterator[None]:
    """Have a folder be a disk of its own, of so many megabytes of memory.

    Raises:
        MissingToolError: It cannot be had here.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={mb}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise MissingToolError(f"a small disk needs root: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
