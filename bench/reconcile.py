"""A bill of a million rows with 100 planted differences: `python -m bench.reconcile`.

In:  optionally how many recipients. Out: one table; exit code 1 when a figure is too high.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.models import BulkMessage, JobState

COUNT, CAMPAIGN = 1_000_000, 100_000
#: Of each kind.
PLANTED = 25
MOST_S, MOST_MB = 60.0, 100.0


def send(b: Bed, count: int) -> None:
    """Have campaigns accepted."""
    for start in range(0, count, CAMPAIGN):
        phones = [phone(n) for n in range(start, min(start + CAMPAIGN, count))]
        b.queue.send_bulk([BulkMessage(name=f"Sale {start}", text="Half price", phones=phones)])
    wait(lambda: b.queue.stats().jobs[JobState.ACCEPTED] >= count // 1000, at_most_s=900)


def write_bill(path: Path, count: int) -> None:
    """Write what the provider might: 25 lines not ours, 25 missing, 25 twice, 25 too dear."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["phone", "parts", "cost"])
        table.writerows(rows_of_bill(count))


def rows_of_bill(count: int) -> Iterator[tuple[str, int, str]]:
    """The rows, in order."""
    apart = count // PLANTED
    for n in range(count):
        if n % apart == 1:
            continue
        yield phone(n), 1, "0.07" if n % apart == 2 else "0.035"
        if n % apart == 3:
            yield phone(n), 1, "0.035"
        if n % apart == 4:
            yield f"37544{1_000_000 + n}", 1, "0.035"


def compare(b: Bed, path: Path) -> tuple[dict[str, int], float, float]:
    """Run the command; returns counts of differences, seconds and the most megabytes."""
    command = [sys.executable, "-m", "smsq.cli", "reconcile", str(path), "--since", "2020-01-01"]
    command += ["--parts-column", "parts", "--price-column", "cost", "--json"]
    began_s, most = time.monotonic(), 0
    environ = {**os.environ, **b.stack.environ, "SMSQ_PRICE_PER_PART": "0.035"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        seen = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                most = max(most, seen.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        document = json.loads(process.stdout.read() if process.stdout else "")
    counts: dict[str, int] = document["counts"]
    return counts, time.monotonic() - began_s, most / 1e6


def main(arguments: list[str]) -> int:
    """Measure, and print the table."""
    count = int(arguments[0]) if arguments else COUNT
    with (
        tempfile.TemporaryDirectory(prefix="smsq-bench-") as folder,
        bed((), workers=2, SMSQ_RATE_PER_S="5000", SMSQ_BURST="100") as b,
    ):
        send(b, count)
        path = Path(folder) / "bill.csv"
        write_bill(path, count)
        counts, took_s, most_mb = compare(b, path)
    kinds = ("billed, not ours", "ours, not billed", "billed twice", "price differs")
    is_exact = counts == dict.fromkeys(kinds, PLANTED)
    told = f"{sum(counts.values())} found of {4 * PLANTED}: {counts}"
    rows = [
        Row("differences", 0, told, "all, and no other", is_exact),
        Row("time", 0, f"{took_s:.0f} s", f"≤ {MOST_S:g} s", took_s <= MOST_S),
        Row("memory", 0, f"{most_mb:.0f} MB", f"≤ {MOST_MB:g} MB", most_mb <= MOST_MB),
    ]
    return 0 if show(f"a bill of {count:,} rows", rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
