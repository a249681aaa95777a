"""What is ours on a broker that others use too: names of queues and exchanges, or a prefix of keys.

In:  the broker's address, a namespace. Out: names and options that all its processes share. Pure.

On Redis the namespace stands before every key of the broker's, so the names themselves are bare.
Elsewhere it stands in the names: two installations in one virtual host took each other's rings.
"""

from __future__ import annotations

from typing import Any

from kombu import Exchange
from kombu import Queue as KombuQueue

from smsq.environment.addresses import broker_transport
from smsq.names import Queue

_BETWEEN = ":"


def is_redis_broker(broker_url: str) -> bool:
    """Say whether the broker is a Redis, by its address."""
    return broker_url.startswith(("redis", "unix", "sentinel"))


def broker_options(broker_url: str, namespace: str) -> dict[str, Any]:
    """Transport options that every process on one broker must share."""
    if not is_redis_broker(broker_url):
        return {}
    return {"global_keyprefix": f"{namespace}{_BETWEEN}", **broker_transport(broker_url)}


def exchange_options(broker_url: str, namespace: str) -> dict[str, Any]:
    """Celery's options for what goes to all workers, and for events; the same for every process.

    Workers of two installations may have the same name, and each took the other's commands.
    """
    if is_redis_broker(broker_url):
        return {}
    return {
        "control_exchange": f"{namespace}{_BETWEEN}control",
        "event_exchange": f"{namespace}{_BETWEEN}events",
        "event_queue_prefix": f"{namespace}{_BETWEEN}events",
    }


def name_queue(queue: Queue, broker_url: str, namespace: str) -> str:
    """The name of a queue on the broker."""
    return str(queue) if is_redis_broker(broker_url) else f"{namespace}{_BETWEEN}{queue}"


def read_queue(name: str) -> str:
    """The queue that a name on the broker stands for."""
    return name.rpartition(_BETWEEN)[2]


def make_queue(name: str) -> KombuQueue:
    """Make a queue of the broker's, as every process declares it.

    The default exchange routes by queue name, without a binding that a flushed broker would lose.
    """
    return KombuQueue(name, Exchange(""), routing_key=name)
