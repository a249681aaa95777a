"""The whole of smsq on one machine, for `smsq demo`: Redis, simulator, worker, beat, web, Flower.

In:  the processes' code and an empty folder. Out: running processes with their logs in that folder;
all of them are stopped by pid, whatever happens.
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
from types import MappingProxyType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from smsq.cli.running.children import die_with_parent, end_together
from smsq.cli.running.listening import make_login
from smsq.errors import SmsqError

#: A process of ours that is not up by then will not come up.
START_TIMEOUT_S = 30.0

#: After SIGTERM; a worker finishes the request in hand.
STOP_TIMEOUT_S = 15.0

#: Processes that listen, each on a port of its own.
LISTENERS = ("redis", "simulator", "web", "admin", "flower")

_LOG_TAIL_LINES = 15


class StackError(SmsqError):
    """A process of the stack did not come up or went away."""


@dataclass(slots=True)
class Stack:
    """The processes; use as a context manager.

    Attributes:
        root: Where the processes start: a checkout, or the folder that the wheel carries.
        folder: Logs and Redis' data.
        simulator_options: More options of `smsq simulator`.
        settings: Settings that differ from the demo's.
        workers: Worker processes to start.
        has_flower: False leaves Flower out.
        has_web: False leaves the receiver of receipts out.
        broker_db: Redis database of the broker; 0 is the ledger's.
        ports: Port of each listener; those left out are found at the start.
        log_starts: Where in its log each process began.
    """

    root: Path
    folder: Path
    simulator_options: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    has_flower: bool = True
    has_web: bool = True
    broker_db: int = 0
    redis_environ: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    log_starts: dict[str, int] = field(default_factory=dict)

    @property
    def has_real_redis(self) -> bool:
        """True when `redis-server` is on PATH; else fakeredis' server stands in."""
        return shutil.which("redis-server") is not None

    def __enter__(self) -> Self:
        self.ports = {name: free_port() for name in LISTENERS} | self.ports
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
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise StackError(f"{name} ended with {process.returncode}:\n{self.tail(name)}")

    def tail(self, name: str, lines: int = _LOG_TAIL_LINES) -> str:
        """The last lines of a process' log; not those of an earlier process of that name."""
        with self.log_path(name).open("rb") as log:
            log.seek(self.log_starts.get(name, 0))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def log_path(self, name: str) -> Path:
        """Where all processes of a name write to."""
        return self.folder / f"{name}.log"

    @property
    def worker_names(self) -> Sequence[str]:
        """Names of the workers that were started, in that order."""
        return [name for name in self.processes if name.startswith("worker")]

    def stop(self) -> None:
        """Stop everything; Redis last, because the others write to it."""
        last = ([*self.worker_names, "web"], ["simulator"], ["redis"])
        first = [name for name in self.processes if not any(name in names for names in last)]
        for names in (first, *last):
            running = [self.processes.pop(name) for name in names if name in self.processes]
            end_together(running, STOP_TIMEOUT_S)

    def start_redis(self) -> None:
        """Start Redis, on the data of an earlier one if there was one."""
        port = str(self.ports["redis"])
        command = [sys.executable, "-m", "smsq.cli.running.fake_redis", port]
        if self.has_real_redis:
            options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
            command = ["redis-server", "--port", port, *options]
        self.start("redis", command, self.redis_environ)
        self.wait("redis", lambda: Redis(port=self.ports["redis"]).ping())

    def start_worker(
        self,
        name: str = "worker",
        *,
        waits: bool = True,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start a worker and wait, unless told otherwise, until it takes rings."""
        self.start(name, [*_SMSQ, "worker", "--hostname", f"{name}@%h"], environ)
        if waits:
            self.wait(name, lambda: "ready" in self.tail(name))

    def start_beat(self, name: str = "beat") -> None:
        """Start beat."""
        self.start(name, [*_SMSQ, "beat"])

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Start a process whose log is `<name>.log`; one process per name.

        Args:
            name: A name used before stands for the new process from now on.
            command: Its command line.
            environ: Variables that differ from the stack's.
        """
        with self.log_path(name).open("ab") as log:
            self.log_starts[name] = log.tell()
            self.processes[name] = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=self.folder if name == "redis" else self.root,
                env={**self.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C is for the demo alone: it stops the others in their order. Where it is
                # killed, nobody needs what they have in hand.
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def wait(self, name: str, is_up: Callable[[], object]) -> None:
        """Wait until a process that was started is up."""
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

    def _start_all(self) -> None:
        self.start_redis()
        simulator = ["-m", "smsq.simulator", "--port", str(self.ports["simulator"])]
        self.start("simulator", [sys.executable, *simulator, *self.simulator_options])
        if self.has_web:
            self.start("web", [*_SMSQ, "web"])
        self.start_beat()
        if self.has_flower:
            flower = ["flower", "--address=127.0.0.1", f"--port={self.ports['flower']}"]
            self.start("flower", [*_SMSQ, *flower])
        for number in range(self.workers):
            self.start_worker(f"worker{number}" if number else "worker")
        self.wait("simulator", lambda: _answers(self.url("simulator") + "/book"))
        if self.has_web:
            self.wait("web", lambda: _answers(self.url("web") + "/healthz"))
        if self.has_flower:
            self.wait("flower", lambda: _answers(self.url("flower") + "/healthcheck"))

    def _make_environ(self) -> dict[str, str]:
        # Settings of the person who tries the demo must not reach it.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SMSQ_", "FLOWER_"))}
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
            "PORT": str(self.ports["web"]),
            "SMSQ_ADMIN_LISTEN": f"127.0.0.1:{self.ports['admin']}",
            "SMSQ_REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "SMSQ_BROKER_URL": f"redis://127.0.0.1:{self.ports['redis']}/{self.broker_db}",
            "SMSQ_GATEWAY_URL": self.url("simulator"),
            "SMSQ_GATEWAY_TOKEN": secrets.token_hex(16),
            "SMSQ_CALLBACK_URL": self.url("web"),
            "SMSQ_CALLBACK_SECRET": secrets.token_hex(16),
            "SMSQ_ALPHANAME_ID": "123",
            # Whoever tries a stack sends much to few phones.
            "SMSQ_PER_PHONE": "0",
            "FLOWER_BASIC_AUTH": make_login(),
            **self.settings,
        }


_SMSQ = (sys.executable, "-m", "smsq.cli")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback
            return bool(answer.status)
    except urllib.error.HTTPError:
        return True


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
