"""A RabbitMQ node of the test's own, on loopback, with its own ports, files and name server.

In:  an empty folder. Out: a real node that can be killed, stopped and started again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import kombu
import pytest

from smsq.cli.running.children import die_with_parent
from tests.support import free_port, wait_until

#: What RabbitMQ's own wrapper runs; the one on PATH changes to a user of its own first.
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

#: It takes six seconds of processor time; a busy machine has to find them.
START_WITHIN_S = 120.0

MISSING = "a broker of this kind needs RabbitMQ: apt-get install rabbitmq-server"


def needs_rabbitmq() -> pytest.MarkDecorator:
    """Skip where there is no RabbitMQ; in CI, which installs it, the test fails instead."""
    is_skipped = find_server() is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(is_skipped, reason=MISSING)


def find_server() -> str | None:
    """The command that starts a node; None where RabbitMQ is not installed."""
    return str(_SERVER) if _SERVER.exists() else shutil.which("rabbitmq-server")


class RabbitServer:
    """A real RabbitMQ; use as a context manager.

    Attributes:
        url: As in `SMSQ_BROKER_URL`.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._folder = folder
        self._names_port = free_port()
        self._dist_port = free_port()
        self._names: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on what an earlier node of this folder kept, and wait until it takes clients."""
        server = find_server()
        assert server is not None, MISSING
        self._node = self._run([server])
        wait_until(self._is_up, "RabbitMQ takes clients", deadline_s=START_WITHIN_S)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does: connections are closed and files written."""
        self._end(signal.SIGTERM)

    def forget(self) -> None:
        """Lose its disk: queues and messages are gone when it starts again."""
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def purge(self, queues: Iterable[str]) -> int:
        """Throw away what waits in these queues; returns how many rings that were."""
        return sum(self.ask(lambda channel: [int(channel.queue_purge(name)) for name in queues]))

    def delete(self, queues: Iterable[str]) -> None:
        """Delete queues below their consumers."""
        self.ask(lambda channel: [channel.queue_delete(name) for name in queues])

    def take_nothing(self) -> None:
        """Raise its memory alarm: it is there, and reads from nobody who publishes."""
        self._control("set_vm_memory_high_watermark", "0.00001")

    def take_all(self) -> None:
        """End the alarm."""
        self._control("set_vm_memory_high_watermark", "0.4")

    def ask(self, what: Callable[[Any], Any]) -> Any:
        """Do something on a channel of a connection made for it."""
        with kombu.Connection(self.url, connect_timeout=5) as connection:
            return what(connection.default_channel)

    def answers(self) -> bool:
        """Say whether it takes clients now."""
        try:
            self.ask(lambda channel: channel)
        except (OSError, kombu.exceptions.OperationalError):
            return False
        return True

    def __enter__(self) -> Self:
        # Each node brings its name server up by itself, and that one would outlive it.
        address = ["-port", str(self._names_port), "-address", "127.0.0.1"]
        self._names = self._run(["epmd", *address])
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()

    def _is_up(self) -> bool:
        """Say whether it takes clients; one that ended will not."""
        assert self._node is not None
        log = (self._folder / "rabbitmq.log").read_text(errors="replace")
        assert self._node.poll() is None, f"RabbitMQ ended:\n{log[-2000:]}"
        return self.answers()

    def _control(self, *words: str) -> None:
        command = [str(Path(str(find_server())).with_name("rabbitmqctl")), *words]
        subprocess.run(command, env=self._environ(), check=True, capture_output=True, timeout=60)

    def _end(self, how: signal.Signals) -> None:
        if self._node is not None:
            self._node.send_signal(how)
            self._node.wait()
            self._node = None

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "rabbitmq.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def _environ(self) -> dict[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        plugins = self._folder / "plugins"
        plugins.write_text("[].")
        return ours | {
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"smsq{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "none"),
            # One process, so a signal reaches the node itself.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none"
            ),
        }
