"""A primary, two replicas and three sentinels, all of the test's own, on loopback."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from tests.support import RedisServer, free_port, start_child, wait_until

NAME = "mymaster"
#: A failover takes no longer, unless it is given up.
_FAILOVER_S = 15.0
#: A replica is there at once, and not after the five seconds in which others might join it.
_AT_ONCE = ("--repl-diskless-sync-delay", "0")
_CONFIG = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 4000
sentinel parallel-syncs {name} 1
"""


#: A user of servers and sentinels whom a cut leaves in.
APP, PASSWORD = "app", "through-all"


@dataclass(frozen=True, slots=True)
class Watched:
    """Three servers, and the ports of those who watch them."""

    servers: Sequence[RedisServer]
    ports: Sequence[int]

    @property
    def url(self) -> str:
        """As in `SMSQ_REDIS_URL`."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"sentinel://{hosts}/{NAME}"

    @property
    def url_through_all(self) -> str:
        """The same for whom a cut leaves in."""
        as_app = f"sentinel_username={APP}&sentinel_password={PASSWORD}"
        return f"{self.url}?{as_app}".replace("://", f"://{APP}:{PASSWORD}@")

    @property
    def primary(self) -> RedisServer:
        """Who is the primary, as the first sentinel says."""
        return self.named_by(0)

    def named_by(self, n: int) -> RedisServer:
        """Whom the nth sentinel calls the primary."""
        with _as_app(self.ports[n]) as sentinel:
            port = int(sentinel.sentinel_get_master_addr_by_name(NAME)[1])
        return next(one for one in self.servers if one.port == port)

    def cut_off_primary(self) -> None:
        """Cut the primary and the first sentinel off from the others, and wait for a failover.

        By passwords, which are others on each side; `APP` reaches both. It is the first cut, and
        the first server is the primary.
        """
        sides = ["first", "second", "second"]
        sentinels = [*zip(self.ports, sides, strict=True)]
        servers = [*zip((one.port for one in self.servers), sides, strict=True)]
        for port, side in servers:
            with _as_app(port) as client:
                client.config_set("masterauth", side)
        for port, side in sentinels:
            with _as_app(port) as sentinel:
                sentinel.execute_command("SENTINEL", "SET", NAME, "auth-pass", side)
                sentinel.execute_command("SENTINEL", "CONFIG", "SET", "sentinel-pass", side)
        for port, side in (*servers, *sentinels):
            with _as_app(port) as client:
                client.execute_command("ACL", "SETUSER", "default", "resetpass", f">{side}")
        for port, _ in (*servers, *sentinels):
            with _as_app(port) as client:
                for kind in ("normal", "pubsub", "replica", "master"):
                    client.execute_command("CLIENT", "KILL", "TYPE", kind)
        wait_until(
            lambda: self.named_by(1) is self.named_by(2) is not self.servers[0],
            "the others have another primary",
            deadline_s=120,
        )

    def fail_over(self) -> None:
        """Have the sentinels make another one the primary, and wait until they say so."""
        before = self.primary

        def is_another() -> bool:
            # On a loaded machine sentinels give a failover up, and have to be asked again.
            with suppress(ResponseError):
                sentinel.execute_command("SENTINEL", "FAILOVER", NAME)
            ends_at_s = time.monotonic() + _FAILOVER_S
            while self.primary is before and time.monotonic() < ends_at_s:
                time.sleep(0.05)
            return self.primary is not before

        with Redis(port=self.ports[0]) as sentinel:
            wait_until(is_another, "another one is the primary", deadline_s=120)


@contextmanager
def watched(folder: Path, *options: str) -> Iterator[Watched]:
    """Start them; everything is stopped at the end."""
    with ExitStack() as stack:
        servers: list[RedisServer] = []
        for n in range(3):
            own = folder / f"redis{n}"
            own.mkdir()
            of = ("--replicaof", "127.0.0.1", str(servers[0].port)) if servers else ()
            servers.append(stack.enter_context(RedisServer(own, *_AT_ONCE, *options, *of)))
        ports = [free_port() for _ in range(3)]
        for port in ports:
            stack.enter_context(_sentinel(folder, port, servers[0].port))
        made = Watched(servers, ports)
        with Redis(port=servers[0].port, decode_responses=True) as first:
            wait_until(lambda: first.wait(2, 100) == 2, "the replicas have all")
        for port in ports:
            with Redis(port=port, decode_responses=True) as sentinel:
                wait_until(partial(_knows_all, sentinel), "the sentinels know all")
        for port in (*ports, *(server.port for server in servers)):
            with Redis(port=port) as client:
                rights = ("on", f">{PASSWORD}", "~*", "&*", "+@all")
                client.execute_command("ACL", "SETUSER", APP, *rights)
        yield made


def _as_app(port: int) -> Redis:
    return Redis(port=port, username=APP, password=PASSWORD, decode_responses=True)


@contextmanager
def _sentinel(folder: Path, port: int, primary: int) -> Iterator[None]:
    config = folder / f"sentinel{port}.conf"
    own = folder / f"sentinel{port}"
    own.mkdir()
    config.write_text(_CONFIG.format(port=port, folder=own, primary=primary, name=NAME))
    process: subprocess.Popen[bytes] = start_child(["redis-server", str(config), "--sentinel"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _knows_all(sentinel: Redis) -> bool:
    seen: Any = sentinel.sentinel_master(NAME)
    return int(seen["num-other-sentinels"]) == 2 and int(seen["num-slaves"]) == 2


@dataclass(frozen=True, slots=True)
class Lone:
    """A sentinel without others: it names one primary for ever, alive or not."""

    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def lone_sentinel(
    folder: Path, *, epoch: int, primary: int, port: int | None = None
) -> Iterator[Lone]:
    """Start a sentinel that knows of a failover with this number; it is stopped at the end."""
    port = port or free_port()
    config = folder / f"lone{port}.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor {NAME} 127.0.0.1 {primary} 2\nsentinel config-epoch {NAME} {epoch}\n"
        # Those that watch one server hear of each other, and would tell each other the news.
        "user default on nopass ~* &* +@all -publish\n"
    )
    process = start_child(["redis-server", str(config), "--sentinel"])
    try:
        with Redis(port=port) as client:
            wait_until(client.ping, "the sentinel answers")
        yield Lone(port, process)
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Disputed:
    """Two servers that both say they are the primary, and three sentinels.

    Attributes:
        before: Whom the sentinel that is first in the address calls the primary, for ever.
        after: Whom the two others call so once it is promoted.
        sentinels: In the order of the address.
        stack: What starts and stops them.
        folder: Where their files are.
    """

    before: RedisServer
    after: RedisServer
    sentinels: list[Lone]
    stack: ExitStack
    folder: Path

    @property
    def url(self) -> str:
        """As in `SMSQ_BROKER_URL`."""
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels)
        return f"sentinel://{hosts}/{NAME}"

    def promote(self) -> None:
        """Let the majority know of a failover, as where the first was cut off with its primary."""
        for n in (1, 2):
            one = self.sentinels[n]
            one.process.kill()
            one.process.wait()
            anew = lone_sentinel(self.folder, epoch=4, primary=self.after.port, port=one.port)
            self.sentinels[n] = self.stack.enter_context(anew)


@contextmanager
def disputed(folder: Path) -> Iterator[Disputed]:
    """Start them, all of one mind; everything is stopped at the end."""
    with ExitStack() as stack:
        servers = []
        for name in ("before", "after"):
            own = folder / name
            own.mkdir()
            servers.append(stack.enter_context(RedisServer(own)))
        before, after = servers
        sentinels = [
            stack.enter_context(lone_sentinel(folder, epoch=3, primary=before.port))
            for _ in range(3)
        ]
        yield Disputed(before, after, sentinels, stack, folder)
