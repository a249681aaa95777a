"""Failovers of a real primary under load: two replicas and three sentinels, or one address by hand.

In:  how the primary goes, how often, and what is waited for. Out: a table: what was sent twice or
lost, and how soon sends went on. Run: python -m bench.failover; takes a quarter of an hour
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.harness import Bed, bed, wait
from bench.producer import Load, Producer
from bench.run import LATENCY, Row, Run, show
from smsq.store.connection import WORKER_TIMEOUT_S, connect
from tests.addressed import Addressed, addressed
from tests.sentinels import Watched, watched

#: A deployment sends on so soon after another one is the primary.
GOES_ON_WITHIN_S = 10.0

DURABLE = {"SMSQ_DURABLE_CLAIMS": "replica", "SMSQ_DURABLE_ENQUEUE": "replica"}

#: One address is repointed, as a managed Redis does it.
BY_HAND = "by-hand"
WAYS = ("planned", "killed", BY_HAND)

#: Before and after each failover; and the longest that one and a restart take.
QUIET_S, REST_S, GO_S = 4.0, 14.0, 30.0


def fail_over(how: str, more: Mapping[str, str], *, rounds: int, per_s: float) -> Row:
    """Have the primary go so often while messages come in and go out."""
    # More than is enqueued: messages come in until the last failover is over.
    jobs = round(per_s * rounds * (QUIET_S + REST_S + GO_S))
    load = Load(jobs=jobs, per_s=per_s, campaign_every=9)
    settings = {
        "SMSQ_RATE_PER_S": str(2 * per_s),
        "SMSQ_BURST": "10",
        "SMSQ_TIMEOUT_S": "5",
        "SMSQ_BACKOFF_MAX_S": "2",
        **more,
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smsq-failover-")))
        servers: Watched | Addressed
        if how == BY_HAND:
            servers = stack.enter_context(addressed(folder))
        else:
            servers = stack.enter_context(watched(folder))
        settings |= {"SMSQ_REDIS_URL": servers.url, "SMSQ_BROKER_URL": servers.url}
        made = stack.enter_context(bed(LATENCY, workers=2, **settings))  # type: ignore[arg-type]
        ledger = connect(servers.url, timeout_s=WORKER_TIMEOUT_S)
        stack.callback(ledger.close)
        there = replace(made, redis=ledger)
        producer = Producer(made.queue, load)
        run = Run(there, producer)
        producer.start()
        gaps_s = [_go(how, servers, there) for _ in range(rounds)]
        producer.end()
        return _reckon(how, more, run, gaps_s)


def _go(how: str, servers: Watched | Addressed, made: Bed) -> float:
    """One failover; returns for how long nothing was sent after the next primary was there."""
    time.sleep(QUIET_S)
    before = servers.primary
    if how == "killed":
        before.stop()
        wait(lambda: servers.primary is not before, at_most_s=30, every_s=0.05)
    # By hand the next one is there at once, and the one before goes on for a while.
    there_at_s = made.now_s()
    if how != "killed":
        servers.fail_over()
    if how == "planned":
        there_at_s = made.now_s()
    time.sleep(REST_S)
    if how == "killed":
        before.start_as_replica_of(servers.primary)
    times_s = [at_s for at_s, _, _ in made.requests(round(1000 * there_at_s))]
    moments_s = [there_at_s, *times_s, made.now_s()]
    return max(later - first for first, later in itertools.pairwise(moments_s))


def _reckon(how: str, more: Mapping[str, str], run: Run, gaps_s: Sequence[float]) -> Row:
    run.producer.join()
    tally = run.settle(at_most_s=60 if more else 20)
    what = "replicas are waited for" if more else "nothing is waited for"
    longest_s = max(gaps_s)
    goes_on = longest_s <= GOES_ON_WITHIN_S
    row = run.row(
        f"primary {how} {len(gaps_s)} times, {what}",
        tally,
        holds=goes_on,
        remark=f"longest pause after the promotion {longest_s:.1f} s; "
        f"{run.producer.repeats} calls repeated",
    )
    # Without the settings, what is lost is a figure and no fault.
    return row if more else replace(row, holds=goes_on)


def main(args: Sequence[str]) -> int:
    """Run each way, with waits and without; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.failover", description=__doc__)
    parser.add_argument(
        "how", nargs="*", default=list(WAYS), help=f"{', '.join(WAYS)}; all unless named"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--per-s", type=float, default=200.0)
    read = parser.parse_args(args)
    rows = [
        fail_over(how, more, rounds=read.rounds, per_s=read.per_s)
        for how in read.how
        for more in (DURABLE, {})
    ]
    return 0 if show(rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
