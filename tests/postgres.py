"""A real PostgreSQL of this process' own, for as long as a test or a measurement wants it.

In:  Debian's package, wherever it lies. Out: a server on a free port of loopback.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg

from smsq.cli.running.children import die_with_parent
from tests.support import free_port, wait_until

#: Nothing that a test keeps has to outlive a power cut.
_OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=60", "log_min_messages=fatal")

#: PostgreSQL refuses to run as root; the package makes this user.
_USER = "postgres"


def find_programs() -> Path | None:
    """Find the folder of `initdb` and `postgres`, which Debian keeps off PATH."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """A cluster in a temporary folder; use as a context manager.

    Attributes:
        port: On 127.0.0.1.
        process: The server while it runs.
    """

    def __init__(self, *, is_durable: bool = False) -> None:
        programs = find_programs()
        assert programs, "no PostgreSQL: apt-get install postgresql"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._programs = programs
        self._user = _USER if os.geteuid() == 0 else None
        self._options = _OPTIONS[2:] if is_durable else _OPTIONS
        self._folder = Path(tempfile.mkdtemp(prefix="smsq-postgres-"))

    def url(self, database: str = "postgres", *, driver: str = "postgresql+psycopg") -> str:
        """Address of a database, as SQLAlchemy takes it."""
        return f"{driver}://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, schema: str) -> str:
        """Make an empty schema, which is cheaper than a database; returns an address of its own."""
        self._execute(f'CREATE SCHEMA "{schema}"')
        return f"{self.url()}?options=-csearch_path%3D{schema}"

    def start(self) -> None:
        """Start and wait until it answers."""
        options = (f"port={self.port}", "listen_addresses=127.0.0.1", *self._options)
        sockets = f"unix_socket_directories={self._folder}"
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data")]
        for option in (*options, sockets):
            command += ["-c", option]
        self.process = subprocess.Popen(
            command,
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
        wait_until(self._is_up, "PostgreSQL answers")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it; SIGKILL is what the system would do to it."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def __enter__(self) -> Self:
        if self._user:
            shutil.chown(self._folder, self._user)
        initdb = [str(self._programs / "initdb"), "-D", str(self._folder / "data"), "-U", _USER]
        subprocess.run(
            [*initdb, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"],
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url(driver="postgresql"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _is_up(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from None
        return True
