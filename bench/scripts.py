"""How long the dearest call of each script takes of Redis, at the largest sizes: `bench.scripts`.

    python -m bench.scripts

One Redis of its own, all rules on: jobs of 100,000 recipients with personal texts and of 3,000
messages, among a million jobs in line. A script above 20 ms is red. That is wall time, as SLOWLOG
has it; where it is far above the processor's, the machine did other things: run it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from smsq.connection import connect
from smsq.settings import Settings
from tests.smsq.sizes import tour
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
    red = False
    for name, one in sorted(meter.scripts.items(), key=lambda item: -item[1].took_ms):
        is_red = one.took_ms > MOST_MS
        red = red or is_red
        colour, plain = ("\033[31m", "\033[0m") if is_red and sys.stdout.isatty() else ("", "")
        mark = "  above 20 ms" if is_red else ""
        times = f"{one.took_ms:8.1f} ms  {one.processor_ms:8.1f} of processor"
        sizes = f"{one.commands:6} commands in a call  {one.calls:6} calls"
        print(f"{colour}{name:16} {times}  {sizes}{mark}{plain}")
    return 1 if red else 0


def fill(url: str, namespace: str) -> None:
    """Have a million jobs stand in `due`, long before their time."""

    pipeline = connect(url, timeout_s=60).pipeline(transaction=False)
    for first in range(0, IN_LINE, 10_000):
        later = {f"jfiller{i}": 9e15 for i in range(first, first + 10_000)}
        pipeline.zadd(f"{namespace}:due", later)
        pipeline.execute()


if __name__ == "__main__":
    sys.exit(main())
