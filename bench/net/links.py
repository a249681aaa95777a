"""What links suffer: cut one at a time and in pairs, lossy, slow.

In:  the network, and where the primary is now. Out: the same network, hurt until it is healed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.net.deployment import APP, GATEWAY, HOSTS, REDIS, WORKERS
from bench.net.hosts import Network

#: Of a packet on a slow link, each way.
LATE_MS = 150.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one link, or to two.

    Attributes:
        what: As an operator says it.
        strike: Does it, told who is the primary.
        cabled: Hosts whose links are slowed.
    """

    what: str
    strike: Callable[[Network, str], None]
    cabled: Sequence[str] = ()


def _replicas(primary: str) -> Sequence[str]:
    return [host for host in REDIS if host != primary]


def _cut_worker(net: Network, _: str) -> None:
    net.cut(WORKERS[:1], HOSTS)


def _cut_app(net: Network, _: str) -> None:
    net.cut([APP], HOSTS)


def _cut_workers_from_redis(net: Network, _: str) -> None:
    net.cut(WORKERS, REDIS)


def _cut_workers_from_gateway(net: Network, _: str) -> None:
    net.cut(WORKERS, [GATEWAY])


def _cut_primary(net: Network, primary: str) -> None:
    net.cut([primary], HOSTS)


def _cut_replication(net: Network, primary: str) -> None:
    net.cut([primary], _replicas(primary))


def _cut_replica(net: Network, primary: str) -> None:
    net.cut(_replicas(primary)[:1], HOSTS)


def _cut_workers_from_primary(net: Network, primary: str) -> None:
    net.cut(WORKERS, [primary])


def _both(
    one: Callable[[Network, str], None], other: Callable[[Network, str], None]
) -> Callable[[Network, str], None]:
    def strike(net: Network, primary: str) -> None:
        one(net, primary)
        other(net, primary)

    return strike


def _lose(net: Network, _: str) -> None:
    net.lose(WORKERS, [*REDIS, GATEWAY])


def _slow(net: Network, _: str) -> None:
    net.slow(WORKERS, LATE_MS)


FAULTS: Mapping[str, Fault] = {
    "worker": Fault("one worker's host cut off", _cut_worker),
    "workers-redis": Fault("workers cut off from Redis", _cut_workers_from_redis),
    "workers-primary": Fault("workers cut off from the primary alone", _cut_workers_from_primary),
    "workers-gateway": Fault("workers cut off from the gateway", _cut_workers_from_gateway),
    "app": Fault("host of app, beat and web cut off", _cut_app),
    "primary": Fault("the primary's host cut off", _cut_primary),
    "replication": Fault("the primary cut off from its replicas alone", _cut_replication),
    "replica": Fault("a replica's host cut off", _cut_replica),
    "worker+replica": Fault(
        "hosts of a worker and of a replica cut off", _both(_cut_worker, _cut_replica)
    ),
    "gateway+primary": Fault(
        "primary cut off, and workers from the gateway",
        _both(_cut_workers_from_gateway, _cut_primary),
    ),
    "app+gateway": Fault(
        "host of app, beat and web cut off, and workers from the gateway",
        _both(_cut_app, _cut_workers_from_gateway),
    ),
    "lossy": Fault("a tenth of the workers' packets lost", _lose),
    "slow": Fault(f"workers' packets {LATE_MS:g} ms late each way", _slow, WORKERS),
}
