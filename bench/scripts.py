"""How long the dearest call of each script takes of Redis, at the largest sizes: `bench.scripts`.

    python -m bench.scripts

One Redis of its own, all rules on: jobs of 100,000 recipients with personal texts and of 3,000
messages, in all regions of the world, among a million jobs in line. Every script is on the tour
(tests/smsq/tours.py). One that keeps Redis busy for more than 20 ms is red, and the exit code 1, as
for one that was never called. Two clocks are read around each call, the wall's, as SLOWLOG has it,
and that of Redis' own thread, and the lesser counts: the one holds what else the machine did, the
other what measuring costs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from smsq.settings import Settings
from smsq.store.connection import connect
from tests.smsq.sizes import Dearest, Meter
from tests.smsq.tours import name_missing, tour
from tests.support import RedisServer

RECIPIENTS, MESSAGES, IN_LINE = 100_000, 3000, 1_000_000
MOST_MS = 20.0
RULES = {"SMSQ_QUIET_HOURS": "21:00-09:00", "SMSQ_CAP_PER_DAY": "1000"}


def main() -> int:
    """Print a row for each script; 1 when one is red."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        environ = {"SMSQ_REDIS_URL": server.url, "SMSQ_BULK_MAX_RECIPIENTS": str(RECIPIENTS)}
        settings = Settings.from_env({**environ, **RULES, "SMSQ_ALPHANAME_ID": "123"})
        fill(server.url, settings.namespace)
        meter = tour(settings, recipients=RECIPIENTS, messages=MESSAGES)
    return 0 if show(meter) else 1


def show(meter: Meter) -> bool:
    """Print the table; False when a script is above the bound, or was not called."""
    rows = sorted(meter.scripts.items(), key=lambda item: -item[1].busy_ms)
    for name, one in rows:
        is_red = one.busy_ms > MOST_MS
        colour, plain = ("\033[31m", "\033[0m") if is_red and sys.stdout.isatty() else ("", "")
        print(f"{colour}{name:16} {_figures(one)}{'  above 20 ms' if is_red else ''}{plain}")
    missing = sorted(name_missing(meter))
    if missing:
        print(f"not called: {', '.join(missing)}")
    return not missing and all(one.busy_ms <= MOST_MS for _, one in rows)


def _figures(one: Dearest) -> str:
    times = f"{one.busy_ms:6.1f} ms  (wall {one.took_ms:6.1f}, processor {one.processor_ms:5.1f})"
    return f"{times}  {one.commands:6} commands in a call  {one.calls:6} calls"


def fill(url: str, namespace: str) -> None:
    """Have a million jobs stand in `due`, long before their time."""

    pipeline = connect(url, timeout_s=60).pipeline(transaction=False)
    for first in range(0, IN_LINE, 10_000):
        later = {f"jfiller{i}": 9e15 for i in range(first, first + 10_000)}
        pipeline.zadd(f"{namespace}:due", later)
        pipeline.execute()


if __name__ == "__main__":
    sys.exit(main())
