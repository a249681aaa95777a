"""Which links are cut: one at a time, and in pairs.

In:  who is the primary now. Out: groups of hosts between which nothing passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.net.deployment import APP, GATEWAY, HOSTS, REDIS, WORKERS

#: Nothing passes between the first and the second group.
Cut = tuple[Sequence[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Link:
    """One link, or two.

    Attributes:
        what: As an operator says it.
        pairs: With the host of the primary, what is cut.
    """

    what: str
    pairs: Callable[[str], Sequence[Cut]]


def _replicas(primary: str) -> Sequence[str]:
    return [host for host in REDIS if host != primary]


LINKS: Mapping[str, Link] = {
    "worker": Link("one worker's host", lambda _: [(WORKERS[:1], HOSTS)]),
    "workers-redis": Link("workers and Redis", lambda _: [(WORKERS, REDIS)]),
    "workers-gateway": Link("workers and gateway", lambda _: [(WORKERS, [GATEWAY])]),
    "app": Link("the host of app, beat and web", lambda _: [([APP], HOSTS)]),
    "primary": Link("the primary's host", lambda primary: [([primary], HOSTS)]),
    "replication": Link(
        "the primary and its replicas", lambda primary: [([primary], _replicas(primary))]
    ),
    "replica": Link("a replica's host", lambda primary: [(_replicas(primary)[:1], HOSTS)]),
}
