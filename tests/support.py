"""Helpers that tests start things with; everything started is stopped by pid."""

from __future__ import annotations

import atexit
import itertools
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

import redis

from smsq.cli.running.children import die_with_parent

#: Long enough for a loaded machine; tests end as soon as what they wait for has come.
DEADLINE_S = 30.0

#: Names another server than the `redis-server` on PATH, as in `SMSQ_TEST_REDIS=/opt/valkey-server`.
SERVER_VARIABLE = "SMSQ_TEST_REDIS"


def use_chosen_server(environ: MutableMapping[str, str] = os.environ) -> None:
    """Put the server that `SMSQ_TEST_REDIS` names first on PATH, as `redis-server`.

    Processes that tests start look there, too.

    Raises:
        ValueError: There is no such program.
    """
    chosen = environ.get(SERVER_VARIABLE)
    if not chosen:
        return
    program = shutil.which(Path(chosen).absolute())
    if program is None:
        raise ValueError(f"{SERVER_VARIABLE}: {chosen} is no program: write the path of one")
    folder = Path(tempfile.mkdtemp(prefix="smsq-redis-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "redis-server").symlink_to(program)
    environ["PATH"] = f"{folder}{os.pathsep}{environ.get('PATH', '')}"


class Ports:
    """Ports for servers to be started, from a hundred that this process alone hands out.

    Those that the system picks can be picked again before the server listens: by another test
    process, or for any connection. These lie below what systems pick from. Who has bound the first
    of a hundred owns them all, for as long as it lives.
    """

    _FIRST, _LAST, _EACH = 20_000, 32_000, 100

    def __init__(self) -> None:
        hundreds = range(self._FIRST, self._LAST, self._EACH)
        self._claim = next(bound for first in hundreds if (bound := bind(first)))
        first = self._claim.getsockname()[1]
        self._next = itertools.cycle(range(first + 1, first + self._EACH))

    def take(self) -> int:
        """A port that nobody listens on; each comes again as late as can be."""
        for port in itertools.islice(self._next, self._EACH):
            if probe := bind(port):
                probe.close()
                return port
        raise AssertionError("all ports of this process are in use")

    def close(self) -> None:
        """Leave the hundred to others."""
        self._claim.close()


def bind(port: int) -> socket.socket | None:
    """Bind a port of loopback; None where another has it."""
    made = socket.socket()
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        return None
    return made


@cache
def _ports() -> Ports:
    return Ports()


def free_port() -> int:
    """Find a port that nobody listens on, and that no other test process is given."""
    return _ports().take()


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


def forget(redis_client: redis.Redis, prefix: str) -> None:
    """Delete all keys that begin with this, a thousand at a time."""
    keys = [*redis_client.scan_iter(f"{prefix}*", count=1000)]
    for first in range(0, len(keys), 1000):
        redis_client.unlink(*keys[first : first + 1000])


def start_child(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process that cannot outlive the tests, however they end."""
    # The kernel would take a thread's end for ours.
    is_main = threading.current_thread() is threading.main_thread()
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        preexec_fn=die_with_parent(signal.SIGKILL) if is_main else None,
    )


class ServerEndedError(Exception):
    """A server ended at its start: it does not take an option."""


class RedisServer:
    """A real redis-server on a free port of loopback, with no persistence unless asked for."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, waits: bool = True) -> None:
        """Start and wait, unless told otherwise, until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self._folder), "--save", "", *self._options]
        self._process = start_child(command)
        if not waits:
            return
        client = redis.Redis.from_url(self.url)

        def answers() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise ServerEndedError("redis-server ended; what it wrote says why")
            return bool(client.ping())

        wait_until(answers, "redis-server answers")
        client.close()

    def start_as_replica_of(self, other: RedisServer) -> None:
        """Start again, below the one that is the primary by now."""
        self._options = (*self._options, "--replicaof", "127.0.0.1", str(other.port))
        self.start()

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


@cache
def has_at_least(url: str, major: int) -> bool:
    """Whether a server speaks as this version of Redis does; Valkey speaks as 7."""
    client = redis.Redis.from_url(url, decode_responses=True)
    version: str = client.info("server")["redis_version"]
    client.close()
    return int(version.partition(".")[0]) >= major


class MutingProxy:
    """A TCP proxy whose connections can fall silent without an end, as behind a dead router.

    Use as a context manager; connections made after `mute` work.

    Attributes:
        to: Where new connections lead; those of before stay where they are.
    """

    def __init__(self, port: int) -> None:
        self.to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._mute = threading.Event()
        self._open: list[socket.socket] = []

    def mute(self) -> None:
        """Let every connection of now be silent for ever."""
        self._mute.set()
        self._mute = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.mute()
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self.to)
                except OSError:  # nobody is there just now
                    near.close()
                    continue
                self._open += [near, far]
                for side in (near, far):
                    # Else an answer in two pieces waits for 40 ms, as behind no real proxy.
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                args = (near, far, self._mute)
                threading.Thread(target=self._pass_on, args=args, daemon=True).start()

    @staticmethod
    def _pass_on(near: socket.socket, far: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError, ValueError):  # one side is closed, or its process was killed
            while not muted.is_set():
                for side in select.select([near, far], [], [], 0.1)[0]:
                    if not (data := side.recv(65536)):
                        raise ConnectionResetError
                    (far if side is near else near).sendall(data)
        if not muted.is_set():
            near.close()
            far.close()
