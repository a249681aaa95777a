"""A primary and a replica behind one address, as a managed Redis has it.

In:  a folder. Out: an address that leads to whoever is the primary; a failover by hand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.support import MutingProxy, RedisServer, wait_until

#: For so long the one of before goes on, and keeps its connections, before it is made a replica.
LINGERS_S = 2.0

#: A replica is there at once.
_AT_ONCE = ("--repl-diskless-sync-delay", "0")


@dataclass(slots=True)
class Addressed:
    """Two servers and the address.

    Attributes:
        primary: Where new connections lead.
        replica: The other one.
    """

    address: MutingProxy
    primary: RedisServer
    replica: RedisServer

    @property
    def url(self) -> str:
        """As in `SMSQ_REDIS_URL`."""
        return f"redis://127.0.0.1:{self.address.port}/0"

    def fail_over(self) -> None:
        """Promote the replica, repoint the address, and make the one of before a replica later."""
        before, after = self.primary, self.replica
        with (
            Redis(port=after.port, decode_responses=True) as promoted,
            Redis(port=before.port, decode_responses=True) as demoted,
        ):
            wait_until(lambda: _is_in_step(promoted), "the replica has all")
            promoted.replicaof("NO", "ONE")
            self.address.to = ("127.0.0.1", after.port)
            self.primary, self.replica = after, before
            time.sleep(LINGERS_S)
            demoted.replicaof("127.0.0.1", str(after.port))


@contextmanager
def addressed(folder: Path) -> Iterator[Addressed]:
    """Start them; everything is stopped at the end."""
    with ExitStack() as stack:
        first, second = folder / "first", folder / "second"
        first.mkdir()
        second.mkdir()
        primary = stack.enter_context(RedisServer(first, *_AT_ONCE))
        of = ("--replicaof", "127.0.0.1", str(primary.port))
        replica = stack.enter_context(RedisServer(second, *_AT_ONCE, *of))
        address = stack.enter_context(MutingProxy(primary.port))
        with Redis(port=primary.port) as asked:
            wait_until(lambda: asked.wait(1, 100) == 1, "the replica has all")
        yield Addressed(address, primary, replica)


def _is_in_step(replica: Redis) -> bool:
    info = replica.info("replication")
    return info["master_link_status"] == "up" and not info["master_sync_in_progress"]
