"""A million rows: how long until all are queued, and what a SIGKILL at any row does.

    python -m bench.campaigns

One Redis of its own. The peer is plain Celery in the same run: a task published for each row, fewer
rows and scaled. Then a campaign of fewer rows is killed at a random moment and started again.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery
from redis import Redis

from bench.harness import ROOT, Row, phone, show
from smsq.intake.new_jobs import digest
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.keys import Keys
from tests.support import RedisServer

ROWS, PLAIN_ROWS, KILLED_ROWS, KILLS = 1_000_000, 20_000, 100_000, 10
TEXT = "Everything at half price until Sunday, in all our shops"
#: The bounds of the table in which the figures stand.
MOST_S, MOST_RSS_MB, MOST_BYTES = 90, 120, 130


@dataclass(frozen=True, slots=True)
class Took:
    """What a producer took."""

    seconds: float
    rss_mb: float
    bytes_each: float
    output: str


def write_rows(path: Path, rows: int) -> None:
    """Phones in no order; every thousandth row is bad, every 997th a phone that came before."""
    with path.open("w", encoding="utf-8") as file:
        file.write("phone,name\n")
        for i in range(rows):
            known = phone((i if i % 997 or not i else i - 1) * 7919 % 8_000_000)
            file.write(f"{known},Anna\n" if i % 1000 else f"bad {i},Anna\n")


def used_bytes(redis: Redis) -> int:
    used: Any = redis.info("memory")
    return int(used["used_memory"])


def measure(command: list[str], environ: Mapping[str, str], redis: Redis, recipients: int) -> Took:
    """Run a producer to its end."""
    redis.flushall()
    before = used_bytes(redis)
    began_s = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env={**environ}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took_s = time.monotonic() - began_s
    bytes_each = (used_bytes(redis) - before) / recipients
    return Took(took_s, usage.ru_maxrss / 1024, bytes_each, output)


def send_bulk(file: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "smsq.cli", "send-bulk", str(file), "--name", "Sale"),
        *("--text", TEXT, "--json", *more),
    ]


def publish_plainly(file: str, broker: str) -> None:
    """The peer: what people write without smsq."""
    app = Celery("plain", broker=broker)
    with Path(file).open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["phone"].isdigit():
                app.send_task("bench.plain_celery.send", [row["phone"], TEXT])


def million(folder: Path, environ: Mapping[str, str], redis: Redis) -> list[Row]:
    """Read, check and enqueue a million rows; and what the peer takes for them."""
    file, few = folder / "million.csv", folder / "few.csv"
    write_rows(file, ROWS)
    write_rows(few, PLAIN_ROWS)
    ours = measure(send_bulk(file), environ, redis, ROWS)
    told = json.loads(ours.output)
    plain = measure(
        [sys.executable, "-m", "bench.campaigns", str(few), environ["SMSQ_REDIS_URL"]],
        environ,
        redis,
        PLAIN_ROWS,
    )
    plain_s = plain.seconds * ROWS / PLAIN_ROWS
    is_whole = told["recipients"] + told["rejected"] + told["duplicates"] == ROWS
    figure = (
        f"{ours.seconds:.0f} s, {ours.rss_mb:.0f} MB, {ours.bytes_each:.0f} bytes each; "
        f"{told['rejected']:,} rejected, {told['duplicates']:,} folded"
    )
    holds = (
        is_whole
        and ours.seconds <= MOST_S
        and ours.rss_mb <= MOST_RSS_MB
        and ours.bytes_each <= MOST_BYTES
    )
    must = f"≤ {MOST_S} s, {MOST_RSS_MB} MB, {MOST_BYTES} bytes"
    peer = (
        f"{plain_s:.0f} s (scaled from {PLAIN_ROWS:,} rows), {plain.rss_mb:.0f} MB, "
        f"{plain.bytes_each:.0f} bytes each"
    )
    return [
        Row(f"{ROWS:,} rows until all are queued", 0, figure, must, holds),
        Row(
            "the same, one Celery task per row",
            0,
            peer,
            f"{plain_s / ours.seconds:.0f} times the time, "
            f"{plain.bytes_each / ours.bytes_each:.0f} times the memory",
            plain_s > ours.seconds,
        ),
    ]


def kill_and_go_on(
    n: int, file: Path, environ: Mapping[str, str], redis: Redis, whole_s: float
) -> tuple[str, str]:
    """Kill a run at a random moment, run it again; gives how far it was, and what is wrong."""
    redis.flushall()
    rejects = file.with_suffix(".rejects.csv")
    rejects.unlink(missing_ok=True)
    command = send_bulk(file, "--key", f"k{n}")
    process = subprocess.Popen(command, cwd=ROOT, env={**environ}, stdout=subprocess.DEVNULL)
    time.sleep(random.uniform(0.3, 1) * whole_s)
    process.kill()
    process.wait()
    settings = Settings.from_env(environ)
    draft = redis.hgetall(Keys(settings.namespace).draft(digest(f"k{n}")))
    was_live = (
        "live" if redis.exists(Keys(settings.namespace).idempotency(digest(f"k{n}"))) else "0k"
    )
    again = subprocess.run(command, cwd=ROOT, env={**environ}, capture_output=True, check=False)
    told = json.loads(again.stdout)
    queue = SmsQueue(settings=settings)
    phones = [row.phone for row in queue.recipients(told["id"])]
    pending = sum(queue.stats().recipients.values())
    queue.close()
    with file.open(encoding="utf-8", newline="") as rows:
        expected = {row["phone"] for row in csv.DictReader(rows) if row["phone"].isdigit()}
    lines = rejects.read_text().splitlines()
    wrong = []
    wrong += ["a row twice"] if len(phones) != len(set(phones)) else []
    wrong += ["a row missing"] if set(phones) != expected else []
    wrong += ["counts"] if pending != len(expected) or told["recipients"] != pending else []
    wrong += ["rejects"] if len(lines) != len(set(lines)) or len(lines) != 101 else []
    staged = f"{int(draft['recipients']) // 1000}k" if "recipients" in draft else was_live
    return staged, ", ".join(wrong)


def killed(folder: Path, environ: Mapping[str, str], redis: Redis) -> Row:
    """Kill the producer at a random row, ten times."""
    file = folder / "killed.csv"
    write_rows(file, KILLED_ROWS)
    small = {**environ, "SMSQ_BULK_MAX_RECIPIENTS": "100"}
    whole_s = measure(send_bulk(file, "--key", "k"), small, redis, KILLED_ROWS).seconds
    results = [kill_and_go_on(n, file, small, redis, whole_s) for n in range(KILLS)]
    wrong = [what for _, what in results if what]
    staged = ", ".join(staged for staged, _ in results)
    figure = f"{len(wrong)} of {KILLS} wrong {wrong or ''}; staged when killed: {staged}"
    what = f"{KILLED_ROWS:,} rows, SIGKILL at a random row, run again"
    return Row(what, 0, figure, "none twice, none missing", not wrong)


def main() -> None:
    """Measure, and say whether every row holds."""
    if sys.argv[1:]:
        publish_plainly(*sys.argv[1:])
        return
    with tempfile.TemporaryDirectory(prefix="smsq-bench-") as name:
        folder = Path(name)
        with RedisServer(folder) as server:
            kept = {k: v for k, v in os.environ.items() if not k.startswith("SMSQ_")}
            environ = kept | {"SMSQ_REDIS_URL": server.url, "SMSQ_ALPHANAME_ID": "123"}
            redis = Redis.from_url(server.url, decode_responses=True)
            rows = [*million(folder, environ, redis), killed(folder, environ, redis)]
            redis.close()
    sys.exit(0 if show("Campaigns", rows) else 1)


if __name__ == "__main__":
    main()
