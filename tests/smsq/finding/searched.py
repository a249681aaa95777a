"""A web app's search in a ledger whose clock a test moves.

In:  a world. Out: a finder on it.
"""

from __future__ import annotations

from smsq.finding.finder import Finder
from smsq.ledger.producer import Producer
from tests.smsq.world import World


def finder_of(world: World) -> Finder:
    """Search with the world's clock, on its connection."""
    producer = Producer(world.settings)
    producer.scripts, producer.redis = world.scripts, world.redis
    return Finder(producer)


def index_of(world: World) -> dict[str, list[str]]:
    """All that is kept to find jobs again, but for the secret."""
    found = {}
    for family in ("index", "enqueued"):
        for key in world.redis.scan_iter(f"{world.keys.namespace}:{family}:*"):
            found[str(key)] = [str(one) for one in world.redis.lrange(key, 0, -1)]
    return found
