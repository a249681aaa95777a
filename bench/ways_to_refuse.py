"""Each way in which a real Redis refuses, brought about as it comes about.

In:  a server. Out: a block in which it refuses what it is asked, and after which it does it again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from bench.refusing_server import ALL_RIGHTS, NEVER, USER, Server
from smsq.cli.running.stack import free_port
from smsq.store.refusals import find_refusal
from tests.support import wait_until

#: Of the disk that is filled up, and of each write that does so.
DISK_MB, BLOCK = 64, bytes(4096)

#: Memory that is left before it is filled up, and each value that does so.
SPARE_BYTES, VALUE = 8_000_000, bytes(20_000)

#: Keys that take their time to load.
LOADED_KEYS = 20_000

#: Connections that the server takes when others come and take all of them.
MOST_CLIENTS = 200

#: Between two looks at whether it refuses.
ASK_EVERY_S = 0.25

#: What is called time and again, to keep the server refusing.
Again = Callable[[], object]
Way = Callable[[Server, float], AbstractContextManager[Again]]


@contextmanager
def fill_disk(server: Server, _: float) -> Iterator[Again]:
    """The disk below its AOF is full."""
    ballast = server.folder / "ballast"

    def fill() -> None:
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:  # until no space is left
                file.write(BLOCK)

    fill()
    server.admin.set("ballast", 2 * BLOCK)  # the AOF's last page had room
    yield fill
    ballast.unlink()


@contextmanager
def fill_memory(server: Server, _: float) -> Iterator[Again]:
    """Its maxmemory is reached."""
    used = int(server.admin.info("memory")["used_memory"])
    server.admin.config_set("maxmemory", used + SPARE_BYTES)

    def fill() -> None:
        with suppress(ResponseError):
            while True:  # until Redis has no more
                server.admin.rpush("ballast", VALUE)

    yield fill
    server.admin.config_set("maxmemory", 0)


@contextmanager
def demote(server: Server, _: float) -> Iterator[Again]:
    """It is made the replica of one that is not there."""
    server.admin.replicaof("127.0.0.1", str(free_port()))
    yield server.admin.ping
    server.admin.replicaof("NO", "ONE")


@contextmanager
def silence(server: Server, for_s: float) -> Iterator[Again]:
    """The same, and it serves no stale data."""
    server.admin.config_set("replica-serve-stale-data", "no")
    with demote(server, for_s):
        yield lambda: None


@contextmanager
def load(server: Server, for_s: float) -> Iterator[Again]:
    """It is restarted, and has much to load."""
    admin: Any = server.admin
    admin.execute_command("DEBUG", "POPULATE", LOADED_KEYS, "ballast", 1000)
    server.admin.bgrewriteaof()
    wait_until(
        lambda: not server.admin.info("persistence")["aof_rewrite_in_progress"], "it is written"
    )
    server.shut_down()
    slowly = ["--key-load-delay", str(round(1e6 * for_s / LOADED_KEYS))]
    server.start(*slowly, "--loading-process-events-interval-bytes", "1024")
    yield lambda: None
    wait_until(lambda: not server.admin.info("persistence")["loading"], "all is loaded")


@contextmanager
def take_rights(server: Server, _: float) -> Iterator[Again]:
    """Its user may do nothing any more."""
    server.give("-@all")
    yield lambda: None
    server.give(ALL_RIGHTS)


@contextmanager
def crowd(server: Server, _: float) -> Iterator[Again]:
    """All connections to it end, and others take as many as there may be."""
    server.admin.config_set("maxclients", MOST_CLIENTS)
    with ExitStack() as others:

        def fill() -> None:
            with suppress(RedisError):
                while True:  # until no more are taken
                    other = Redis(port=server.port, single_connection_client=True, retry=NEVER)
                    others.callback(other.close)

        fill()
        for client in server.admin.client_list():
            if client["user"] == USER:
                server.admin.client_kill_filter(_id=client["id"])
                fill()
        yield fill


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to refuse.

    Attributes:
        what: How smsq/store/refusals.py calls what Redis says then.
        ends_connections: True where it ends connections, on which an answer may be under way: a
            claim that nobody hears of is unknown, though no request was made.
    """

    what: str
    way: Way
    ends_connections: bool = False


_REPLICA = "it is read-only: another one is the primary"

DISK_FULL = "disk_full"
WAYS: Mapping[str, Kind] = {
    DISK_FULL: Kind("it cannot write to its disk", fill_disk),
    "memory_full": Kind("it is full", fill_memory),
    "demoted": Kind(_REPLICA, demote),
    "silent": Kind(_REPLICA, silence),
    "loading": Kind("it is loading its data", load, ends_connections=True),
    "no_rights": Kind("its user lacks a right", take_rights),
    "crowded": Kind("it has too many clients", crowd, ends_connections=True),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """How a server refused while it was asked time and again.

    Attributes:
        asked: How often.
        said: What it said instead of doing it, as in smsq/store/refusals.py → how often.
    """

    asked: int
    said: Counter[str]

    def share(self, what: str) -> float:
        """The share of refusals of this kind."""
        return self.said[what] / self.asked


def refuse_for(server: Server, way: Way, for_s: float) -> Refused:
    """Let the server refuse for so long, and see that it does."""
    asked, said = 0, Counter[str]()
    with way(server, for_s) as again:
        until_s = time.monotonic() + for_s
        while time.monotonic() < until_s or not asked:
            again()
            asked += 1
            if error := server.ask():
                known = find_refusal(error)
                said[known.what if known else str(error)] += 1
            time.sleep(ASK_EVERY_S)
    return Refused(asked, said)
