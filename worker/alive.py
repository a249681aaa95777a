"""Says whether a worker takes rings: `python -m worker.alive [--hostname NAME]`.

In:  the worker's name, as given to `celery worker --hostname`. Out: one line; exit code 0 when its
consumer asked the broker for rings within the last 10 s, and a broker other than the ledger's kind
answers, else 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from celery.utils.nodenames import default_nodename, host_format
from redis.exceptions import RedisError

from config.settings import load_settings
from smsq.rings.broker import is_redis_broker
from smsq.rings.presence import DEAF_AFTER_S, read_presence
from smsq.rings.rings import make_celery
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.fitness import try_write
from smsq.store.keys import Keys
from smsq.store.refusals import say

#: A busy broker is no dead one.
_PATIENCE_S = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Look, say what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="smsq alive", description="Is a worker deaf?")
    parser.add_argument("--hostname", help="as given to the worker; %%h is this host's name")
    name = host_format(default_nodename(parser.parse_args(argv).hostname))
    is_alive, line = look(load_settings(), name)
    sys.stdout.write(f"{line}\n")
    return 0 if is_alive else 1


def look(settings: Settings, name: str) -> tuple[bool, str]:
    """Say whether a worker takes rings, and in words."""
    redis = connect(settings.redis_url)
    try:
        keys = Keys(settings.namespace)
        age_s = read_presence(redis, keys).get(name)
        if age_s is not None and age_s > DEAF_AFTER_S:
            # A worker cannot say that it lives where Redis takes no writes.
            try_write(redis, keys.fitness)
    except (RedisError, OSError) as error:
        return False, f"{name}: {say(error)}"
    finally:
        redis.close()
    if not is_redis_broker(settings.broker_url) and (fault := _try_broker(settings)):
        return False, f"{name}: {fault}"
    if age_s is None:
        return False, f"{name}: not heard of: not started yet, or ended, or under another name"
    if age_s > DEAF_AFTER_S:
        return False, f"{name}: deaf: it asked for rings {age_s:.0f} s ago"
    return True, f"{name}: alive: it asked for rings {age_s:.1f} s ago"


def _try_broker(settings: Settings) -> str | None:
    """Say why RabbitMQ does not answer; None when it does."""
    app = make_celery(settings.broker_url, settings.namespace)
    try:
        with app.connection_for_write(connect_timeout=_PATIENCE_S) as connection:
            options: dict[str, Any] = connection.transport_options or {}
            patience = {"read_timeout": _PATIENCE_S, "write_timeout": _PATIENCE_S}
            connection.transport_options = options | patience
            connection.connect()
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
        return f"the broker cannot be reached ({type(error).__name__})"
    finally:
        app.close()
    return None


if __name__ == "__main__":
    sys.exit(main())
