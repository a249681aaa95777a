"""Says whether a worker takes rings: `python -m worker.alive [--hostname NAME]`.

In:  the worker's name, as given to `celery worker --hostname`. Out: one line; exit code 0 when its
consumer asked the broker for rings within the last 10 s, else 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from celery.utils.nodenames import default_nodename, host_format
from redis.exceptions import RedisError

from config.settings import load_settings
from smsq.rings.presence import DEAF_AFTER_S, read_presence
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.fitness import try_write
from smsq.store.keys import Keys
from smsq.store.refusals import say


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
    if age_s is None:
        return False, f"{name}: not heard of: not started yet, or ended, or under another name"
    if age_s > DEAF_AFTER_S:
        return False, f"{name}: deaf: it asked for rings {age_s:.0f} s ago"
    return True, f"{name}: alive: it asked for rings {age_s:.1f} s ago"


if __name__ == "__main__":
    sys.exit(main())
