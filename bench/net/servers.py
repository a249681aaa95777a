"""Three Redis servers and three sentinels, one of each a host, as docs/high-availability.md says.

In:  hosts, a folder, a password. Out: command lines; who is the primary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from bench.net.hosts import Host

NAME = "mymaster"
PORT, SENTINEL_PORT = 6379, 26379

_REDIS = """
bind {address}
port 6379
dir {folder}
requirepass {password}
masterauth {password}
appendonly yes
save ""
maxmemory-policy noeviction
repl-diskless-sync-delay 0
repl-timeout 10
repl-ping-replica-period 2
{more}
"""
_SENTINEL = """
bind {address}
port 26379
dir {folder}
requirepass {password}
sentinel sentinel-pass {password}
sentinel monitor mymaster {primary} 6379 2
sentinel auth-pass mymaster {password}
sentinel down-after-milliseconds mymaster 2000
"""


@dataclass(frozen=True, slots=True)
class Servers:
    """The hosts, the first of which has the primary at the start."""

    hosts: Sequence[Host]
    folder: Path
    password: str

    @property
    def url(self) -> str:
        """As in `SMSQ_REDIS_URL`."""
        hosts = ",".join(f"{host.address}:{SENTINEL_PORT}" for host in self.hosts)
        return f"sentinel://:{self.password}@{hosts}/{NAME}?sentinel_password={self.password}"

    def commands(self) -> Mapping[str, tuple[Host, Sequence[str]]]:
        """Write the configurations; returns what to start where, in that order."""
        first = self.hosts[0].address
        found: dict[str, tuple[Host, Sequence[str]]] = {}
        for n, host in enumerate(self.hosts):
            more = f"replicaof {first} {PORT}" if n else ""
            found[f"redis{n}"] = (
                host,
                ["redis-server", self._write(f"redis{n}", host, _REDIS, more)],
            )
        for n, host in enumerate(self.hosts):
            path = self._write(f"sentinel{n}", host, _SENTINEL, first)
            found[f"sentinel{n}"] = host, ["redis-server", path, "--sentinel"]
        return found

    def _write(self, name: str, host: Host, template: str, more: str) -> str:
        folder = self.folder / f"{name}.d"
        folder.mkdir()
        path = folder / "redis.conf"
        words = {"address": host.address, "folder": folder, "password": self.password}
        path.write_text(template.format(**words, more=more, primary=more))
        path.chmod(0o600)
        return str(path)

    def are_ready(self) -> bool:
        """Say whether the primary has both replicas, and each sentinel knows everybody."""
        with self._at(self.hosts[0], PORT) as primary:
            if primary.wait(2, 100) < 2:
                return False
        return all(map(self._knows_all, self.hosts))

    def _knows_all(self, host: Host) -> bool:
        with self._at(host, SENTINEL_PORT) as sentinel:
            seen: Any = sentinel.sentinel_master(NAME)
        return int(seen["num-other-sentinels"]) == 2 and int(seen["num-slaves"]) == 2

    @property
    def primary(self) -> str:
        """The host of the primary, as most sentinels say."""
        told = []
        for host in self.hosts:
            with self._at(host, SENTINEL_PORT) as sentinel:
                told.append(sentinel.sentinel_get_master_addr_by_name(NAME)[0])
        address = max(told, key=told.count)
        return next(host.name for host in self.hosts if host.address == address)

    def _at(self, host: Host, port: int) -> Redis:
        return Redis(
            host.address, port, password=self.password, decode_responses=True, socket_timeout=3
        )
