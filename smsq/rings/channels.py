"""Whether Redis' user may hear what is told to all workers: Celery subscribes by pattern.

In:  a client of the ledger, settings. Out: what is in the way, with what to do.

Redis compares a pattern with the patterns that a user may have letter by letter: `&smsq:*` forbids
every other one, and a worker that may not subscribe takes no rings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError

from smsq.environment.addresses import broker_of
from smsq.settings import Settings

#: What a worker subscribes to, as kombu calls it: Celery's remote control, and what workers tell.
_CHANNELS = ("{}:/{}.celery.pidbox", "{}:/{}.celeryev/worker.*")
_ANSWER_TIMEOUT_S = 5.0


def find_channel_faults(redis: Redis, settings: Settings) -> Sequence[str]:
    """Say that its user may not subscribe; nothing where the broker is another server.

    Raises:
        RedisError: The server does not answer, or refuses for now.
    """
    if settings.broker_url != broker_of(settings.redis_url):
        return []
    db = redis.connection_pool.connection_kwargs.get("db") or 0
    client: Any = redis
    pubsub = client.pubsub()
    try:
        for channel in _CHANNELS:
            pubsub.psubscribe(channel.format(settings.namespace, db))
            pubsub.get_message(timeout=_ANSWER_TIMEOUT_S)
    except NoPermissionError:
        return ["its user may not subscribe to channels: ACL SETUSER name &* +psubscribe"]
    finally:
        pubsub.close()
    return []
