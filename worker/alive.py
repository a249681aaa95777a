"""Says whether a worker takes rings and whether beat ticks: `smsq alive [--hostname N] [--beat]`.

In:  the worker's name, as given to `celery worker --hostname`. Out: a line for each who was asked
about; exit code 0 when the worker's consumer asked the broker for rings within the last 10 s, beat
sends its ticks, and a broker other than the ledger's kind answers; 1 when not; 2 when the settings
are wrong.

It is asked every 30 s for each process, so it reads three settings and imports no Celery unless it
has to: that takes less than half the processor time.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence

from redis import Redis
from redis.exceptions import RedisError

from smsq.environment.least.files import with_files
from smsq.names import DEFAULT_NAMESPACE, DEFAULT_REDIS_URL
from smsq.rings.presence import DEAF_AFTER_S, read_presence
from smsq.rings.ticks import MANY, read_last_tick
from smsq.store.connection import connect
from smsq.store.fitness import try_write
from smsq.store.keys import Keys
from smsq.store.refusals import say

#: As Celery calls a worker that was given no name.
NAME = "celery"

#: Whether all is well, and in words.
Finding = tuple[bool, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Look, say what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="smsq alive", description="Is a worker deaf, or beat?")
    parser.add_argument("--hostname", help="as given to the worker; %%h is this host's name")
    parser.add_argument("--beat", action="store_true", help="ask whether beat ticks")
    given = parser.parse_args(argv)
    worker = given.hostname or ("" if given.beat else f"{NAME}@%h")
    try:
        redis, keys = _connect(os.environ)
        findings = look(redis, keys, expand(worker), asks_beat=given.beat)
        redis.close()
    except (ValueError, TypeError):  # the client does not understand the address
        _refuse_wrong_settings()
        raise
    is_alive = all(is_well for is_well, _ in findings)
    if not is_alive:
        _refuse_wrong_settings()
    sys.stdout.write("".join(f"{line}\n" for _, line in findings))
    return 0 if is_alive else 1


def look(redis: Redis, keys: Keys, worker: str, *, asks_beat: bool = False) -> Sequence[Finding]:
    """Say whether a worker takes rings (none is asked for by ""), and whether beat ticks."""
    findings: list[Finding] = []
    try:
        findings += [find_worker(read_presence(redis, keys).get(worker), worker)] if worker else []
        findings += [find_beat(redis, keys)] if asks_beat else []
        if not all(is_well for is_well, _ in findings):
            # Nobody can say that he lives where Redis takes no writes.
            try_write(redis, keys.fitness)
        fault = ask_broker(os.environ)
    except (RedisError, OSError) as error:
        fault = say(error)
    asked = [worker] * bool(worker) + ["beat"] * asks_beat
    return [(False, f"{name}: {fault}") for name in asked] if fault else findings


def find_worker(age_s: float | None, name: str) -> Finding:
    """Judge a worker by when it last asked for rings. Pure."""
    if age_s is None:
        return False, f"{name}: not heard of: not started yet, or ended, or under another name"
    if age_s > DEAF_AFTER_S:
        fix = "restart it, unless the broker is away"
        return False, f"{name}: deaf: it asked for rings {age_s:.0f} s ago; {fix}"
    return True, f"{name}: alive: it asked for rings {age_s:.1f} s ago"


def find_beat(redis: Redis, keys: Keys) -> Finding:
    """Judge beat by when it last sent a tick: one that nobody takes is the workers' matter."""
    last = read_last_tick(redis, keys)
    if last is None:
        return False, "beat: not heard of: start it (smsq beat)"
    if last.is_late:
        fix = "restart it, unless the broker is away"
        return False, f"beat: no tick: it sent the last one {last.age_s:.0f} s ago; {fix}"
    if last.untaken > MANY:
        return True, f"beat: alive, but no worker took its last {last.untaken} ticks"
    return True, f"beat: alive: it sent a tick {last.age_s:.1f} s ago"


def expand(name: str) -> str:
    """Make a worker's whole name of what `--hostname` was given, as Celery does; "" stays."""
    host = socket.gethostname()
    short, _, domain = host.partition(".")
    parts = {"h": host, "n": short, "d": domain}
    before, at, after = name.rpartition("@")
    whole = f"{before or NAME}@{after or host}" if at or name else ""
    return re.sub("%([hnd])", lambda found: parts[found[1]], whole)


def _connect(environ: Mapping[str, str]) -> tuple[Redis, Keys]:
    """Connect as `Settings` would have it.

    Raises:
        ValueError: The address is none.
    """
    environ = with_files(environ, [])
    url = environ.get("SMSQ_REDIS_URL", "").strip() or DEFAULT_REDIS_URL
    namespace = environ.get("SMSQ_NAMESPACE", "").strip() or DEFAULT_NAMESPACE
    return connect(url), Keys(namespace)


def ask_broker(environ: Mapping[str, str]) -> str | None:
    """Say why a broker of another kind than the ledger does not answer; None when it does."""
    address = with_files(environ, []).get("SMSQ_BROKER_URL", "").strip()
    if not address or address.startswith("redis"):
        return None
    settings = importlib.import_module("config.settings").load_settings()
    fault: str | None = importlib.import_module("worker.broker_check").find_fault(settings)
    return fault


def _refuse_wrong_settings() -> None:
    """End with every mistake in the settings: they may be why nobody is heard."""
    importlib.import_module("config.settings").load_settings()


if __name__ == "__main__":
    sys.exit(main())
