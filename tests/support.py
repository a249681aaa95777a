"""Helpers that tests start things with; everything started is stopped by pid."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import redis

#: Long enough for a loaded machine; tests end as soon as what they wait for has come.
DEADLINE_S = 30.0


def free_port() -> int:
    """Find a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], object], what: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Poll until something holds; errors count as "not yet"."""
    until = time.monotonic() + deadline_s
    last: object = None
    while time.monotonic() < until:
        try:
            if holds():
                return
        except (OSError, redis.RedisError) as error:
            last = error
        time.sleep(0.02)
    raise AssertionError(f"not within {deadline_s} s: {what} ({last})")


class RedisServer:
    """A real redis-server on a free port of loopback, with no persistence unless asked for."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self._folder), "--save", "", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        wait_until(client.ping, "redis-server answers")
        client.close()

    @property
    def pid(self) -> int:
        """Process id while it runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Stop it, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
