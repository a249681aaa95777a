"""The whole of smsq on one machine, for `smsq demo`: Redis, simulator, worker, beat, web, Flower.

In:  a checkout and an empty folder. Out: running processes with their logs in that folder; all of
them are stopped by pid, whatever happens.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from smsq.errors import SmsqError

#: A process of ours that is not up by then will not come up.
START_TIMEOUT_S = 30.0

#: After SIGTERM; a worker finishes the request in hand.
STOP_TIMEOUT_S = 15.0

_LOG_TAIL_LINES = 15


class StackError(SmsqError):
    """A process of the stack did not come up or went away."""


@dataclass(slots=True)
class Stack:
    """The processes; use as a context manager.

    Attributes:
        root: The checkout: `worker` and `tasks` are imported from it.
        folder: Logs and Redis' data.
        simulator_options: More options of `smsq simulator`.
        settings: Settings that differ from the demo's.
    """

    root: Path
    folder: Path
    simulator_options: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def has_real_redis(self) -> bool:
        """True when `redis-server` is on PATH; else fakeredis' server stands in."""
        return shutil.which("redis-server") is not None

    def __enter__(self) -> Self:
        self.ports = {name: _free_port() for name in ("redis", "simulator", "web", "flower")}
        self.environ = self._make_environ()
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, name: str) -> str:
        """Address of a process that listens."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def check(self) -> None:
        """Raise if a process went away."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise StackError(f"{name} ended with {process.returncode}:\n{self.tail(name)}")

    def tail(self, name: str) -> str:
        """The last lines of a process' log."""
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def stop(self) -> None:
        """Stop everything, the newest first; Redis last, because the others write to it."""
        for group in (("flower", "beat"), ("worker", "web"), ("simulator",), ("redis",)):
            running = [self._processes[name] for name in group if name in self._processes]
            for process in running:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            until_s = time.monotonic() + STOP_TIMEOUT_S
            for process in running:
                try:
                    process.wait(max(0.1, until_s - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._processes.clear()

    def _start_all(self) -> None:
        python, port = sys.executable, self.ports
        if self.has_real_redis:
            options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
            self._start("redis", ["redis-server", "--port", str(port["redis"]), *options])
        else:
            self._start("redis", [python, "-c", _FAKE_REDIS, str(port["redis"])])
        simulator = [python, "-m", "smsq.simulator", "--port", str(port["simulator"])]
        self._start("simulator", [*simulator, *self.simulator_options])
        self._wait("redis", lambda: Redis(port=port["redis"]).ping())
        celery = [python, "-m", "celery", "-A", "worker"]
        self._start("web", [python, "-m", "worker.web"])
        self._start("worker", [*celery, "worker"])
        self._start("beat", [*celery, "beat", "--scheduler", "celery.beat:Scheduler"])
        flower = ["flower", "--address=127.0.0.1", f"--port={port['flower']}"]
        self._start("flower", [*celery, *flower])
        self._wait("simulator", lambda: _answers(self.url("simulator") + "/book"))
        self._wait("web", lambda: _answers(self.url("web") + "/healthz"))
        self._wait("worker", lambda: "ready" in self.tail("worker"))
        self._wait("flower", lambda: _answers(self.url("flower") + "/healthcheck"))

    def _start(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=self.folder if name == "redis" else self.root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C is for the demo alone: it stops the others in their order.
                start_new_session=True,
            )

    def _wait(self, name: str, is_up: Callable[[], object]) -> None:
        until_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until_s:
            self.check()
            try:
                if is_up():
                    return
            except (OSError, RedisError):
                pass
            time.sleep(0.05)
        raise StackError(f"{name} did not come up in {START_TIMEOUT_S:g} s:\n{self.tail(name)}")

    def _make_environ(self) -> dict[str, str]:
        # Settings of the person who tries the demo must not reach it.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SMSQ_", "FLOWER_"))}
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
            "PORT": str(self.ports["web"]),
            "SMSQ_REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "SMSQ_GATEWAY_URL": self.url("simulator"),
            "SMSQ_GATEWAY_TOKEN": secrets.token_hex(16),
            "SMSQ_CALLBACK_URL": self.url("web"),
            "SMSQ_CALLBACK_SECRET": secrets.token_hex(16),
            "SMSQ_ALPHANAME_ID": "123",
            **self.settings,
        }


_FAKE_REDIS = """
import sys
from fakeredis import TcpFakeServer
TcpFakeServer(("127.0.0.1", int(sys.argv[1]))).serve_forever()
"""


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback
            return bool(answer.status)
    except urllib.error.HTTPError:
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
