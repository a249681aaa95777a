"""A whole deployment on hosts of the test's own: workers on two, Redis on three, gateway, app.

In:  settings. Out: what bench/run.py and bench/tally.py work with, and the hosts, to cut off.

The measuring process is the switch between the hosts. It reads the gateway's book and the ledger
over links of its own, which are never cut.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.harness import ROOT, Bed
from bench.net.hosts import Host, Network, network
from bench.net.servers import Servers
from smsq.cli.running.stack import Stack
from smsq.operate.controls import Controls
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.simulator.server import RunningSimulator
from smsq.store.connection import WORKER_TIMEOUT_S, connect

WORKERS = ("workers-a", "workers-b")
REDIS = ("redis-a", "redis-b", "redis-c")
APP, GATEWAY = "app", "gateway"
HOSTS = (APP, *WORKERS, *REDIS, GATEWAY)

#: Process → host; those of Redis are told by `Servers`.
_PLACES = {
    "simulator": GATEWAY,
    "web": APP,
    "beat": APP,
    "worker": WORKERS[0],
    "worker1": WORKERS[1],
}
#: Of everything that is not Redis.
PORT = 8080


class ScatteredStack(Stack):
    """The stack, each process on its host."""

    __slots__ = ("hosts", "places", "servers")

    hosts: Mapping[str, Host]
    servers: Servers
    places: dict[str, Host]

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Start a process on its host."""
        # Stack is a dataclass with slots: `super()` names a class that is there no more.
        Stack.start(self, name, self.places[name].on(command), environ)

    def start_redis(self) -> None:
        """Start the servers, then the sentinels."""
        for name, (host, command) in self.servers.commands().items():
            self.places[name] = host
            self.start(name, command)
        self.wait("redis0", self.servers.are_ready)

    def url(self, name: str) -> str:
        """Address of a process that listens, as other hosts have it."""
        return f"http://{self.places[name].address}:{PORT}"

    def _start_all(self) -> None:
        self.start_redis()
        gateway, app = self.places["simulator"].address, self.places["web"].address
        serve = ["-m", "bench.net.gateway", gateway, str(PORT), app]
        self.start("simulator", [sys.executable, *serve])
        self.start("web", [sys.executable, "-m", "smsq.cli", "web"], {"HOST": app})
        self.start_beat()
        for name in ("worker", "worker1"):
            self.start_worker(name)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs, and where."""

    bed: Bed
    net: Network
    servers: Servers

    def new_queue(self) -> SmsQueue:
        """Make a queue for a thread of the app's host."""
        return SmsQueue(settings=Settings.from_env(self.bed.stack.environ))


@contextmanager
def deployment(cabled: Iterable[str] = (), **settings: str) -> Iterator[Deployment]:
    """Start it, `cabled` being the hosts whose links can be slowed; stop everything at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smsq-net-")))
        net = stack.enter_context(network(HOSTS, cabled))
        servers = Servers([net.hosts[name] for name in REDIS], folder, secrets.token_hex(16))
        quiet = {"SMSQ_POLL_FIRST_S": "3600", "SMSQ_POLL_MAX_S": "43200"}
        gateway = net.hosts[GATEWAY].address
        made = ScatteredStack(
            ROOT,
            folder,
            settings={
                **quiet,
                "PORT": str(PORT),
                "SMSQ_REDIS_URL": servers.url,
                "SMSQ_BROKER_URL": servers.url,
                "SMSQ_GATEWAY_URL": f"http://{gateway}:{PORT}",
                "SMSQ_CALLBACK_URL": f"http://127.0.0.1:{PORT}",
                **settings,
            },
        )
        made.hosts, made.servers = net.hosts, servers
        made.places = {name: net.hosts[host] for name, host in _PLACES.items()}
        stack.enter_context(made)
        read = Settings.from_env(made.environ)
        bed = Bed(
            made,
            SmsQueue(settings=read),
            Controls.build(read),
            RunningSimulator(f"http://{gateway}:{PORT}"),
            connect(servers.url, timeout_s=WORKER_TIMEOUT_S),
        )
        yield Deployment(bed, net, servers)
        bed.queue.close()
        bed.controls.close()
        bed.redis.close()
