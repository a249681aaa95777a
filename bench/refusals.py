"""A Redis that refuses, with requests in hand: `python -m bench.refusals [way ...]`.

In:  names of ways to refuse, all unless named; for how long. Out: a table: what was sent twice, is
unknown or lost, how soon everything was at work again, which processes ended, how many lines they
wrote. Exit code 3 when something was sent twice or lost, 1 when a row does not hold.

The gateway takes 0.4 s for an answer, so that some forty requests are in hand when it begins.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from redis import Redis

from bench.faults import MissingToolError, find_unanswered
from bench.harness import wait
from bench.net.at_work import Comeback, begin, watch
from bench.net.cuts import read_logs
from bench.producer import Load, Producer
from bench.refusing_server import Server, small_disk
from bench.run import Row, Run, find_exit_code, show, under_load
from bench.tally import Fate, is_at_rest, reckon
from bench.ways_to_refuse import DISK_FULL, DISK_MB, WAYS, Refused, refuse_for

#: Everything is at work so soon after Redis takes writes again.
BACK_WITHIN_S = 10.0

#: Of what is asked meanwhile, the share that must be refused: else nothing was tried.
REFUSED_SHARE = 0.9

#: Before it begins, and after it ended.
QUIET_S, REST_S = 5.0, 15.0
SETTLE_S = 120.0

#: Of a process, beside those of its messages, for each minute.
LINES_PER_MINUTE = 30

#: Slow enough for some forty requests to be on their way.
_GATEWAY = ("--latency-ms", "400")
_SETTINGS = {
    "SMSQ_TIMEOUT_S": "5",
    "SMSQ_RATE_PER_S": "250",
    "SMSQ_BURST": "10",
    "SMSQ_BACKOFF_MAX_S": "2",
}


class Codes(Producer):
    """A producer whose every tenth message is urgent."""

    def _put(self, n: int, phones: list[str]) -> str:
        if n % 10 or self.load.is_campaign(n):
            return super()._put(n, phones)
        return self.queue.send_quick(phones[0], f"code {n}", key=f"job {n}", priority="urgent")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one deployment.

    Attributes:
        in_hand: Requests on their way when Redis began to refuse.
        refused: How Redis answered meanwhile.
        comeback: How soon everything was at work again.
        lines_before: Process → lines in its log when Redis began to refuse.
    """

    in_hand: int
    refused: Refused
    comeback: Comeback
    lines_before: Mapping[str, int]


def refuse(name: str, *, for_s: float, per_s: float) -> Row:
    """Run a deployment under load whose Redis refuses for a while.

    Raises:
        MissingToolError: This machine lacks what it needs.
    """
    jobs = round(per_s * (QUIET_S + for_s + REST_S))
    load = Load(jobs=jobs, per_s=per_s, campaign_every=11)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smsq-refusing-")))
        server = stack.enter_context(serving(name, folder))
        settings = {**_SETTINGS, "SMSQ_REDIS_URL": server.url, "SMSQ_BROKER_URL": server.url}
        started = under_load(load, *_GATEWAY, workers=2, producer_of=Codes, **settings)  # type: ignore[arg-type]
        run = stack.enter_context(started)
        redis = stack.enter_context(Redis(port=server.port, decode_responses=True))
        run.bed = replace(run.bed, redis=redis)
        time.sleep(QUIET_S)
        lines, _ = read_logs(run)
        in_hand = len(find_unanswered(run.stack))
        refused = refuse_for(server, WAYS[name].way, for_s)
        comeback = begin(run.bed, run.producer)
        watch(comeback, run.bed, for_s=REST_S)
        run.producer.join()
        wait(lambda: is_at_rest(run.bed), at_most_s=SETTLE_S)
        return _row(name, run, Seen(in_hand, refused, comeback, lines), for_s)
    raise AssertionError("unreachable: no block above swallows an error")


@contextmanager
def serving(name: str, folder: Path) -> Iterator[Server]:
    """Start a server that can be made to refuse in this way; it is gone at the end.

    Raises:
        MissingToolError: It needs a disk that cannot be had here.
    """
    with ExitStack() as stack:
        if name == DISK_FULL:
            stack.enter_context(small_disk(folder, DISK_MB))
        server = Server(folder)
        server.start()
        stack.callback(server.kill)
        yield server


def _row(name: str, run: Run, seen: Seen, for_s: float) -> Row:
    tally = reckon(run.bed, run.producer)
    ended = [each for each, process in run.stack.processes.items() if process.poll() is not None]
    lines, tracebacks = read_logs(run)
    lines = {each: count - seen.lines_before[each] for each, count in lines.items()}
    talkative = max(lines, key=lambda each: lines[each])
    share = seen.refused.share(WAYS[name].what)
    back = seen.comeback
    remarks = (
        f"refused {share:.0%} ({WAYS[name].what})",
        f"{seen.in_hand} requests in hand",
        f"at work {back.took_s:.1f} s later ({back.slowest} was last)",
        f"ended: {', '.join(ended) or 'nobody'}",
        f"{lines[talkative]} lines ({talkative})",
        *([f"{tracebacks} tracebacks"] if tracebacks else []),
        f"{run.producer.repeats} calls repeated",
    )
    is_quiet = not tracebacks and lines[talkative] <= LINES_PER_MINUTE * max(1.0, for_s / 60)
    may_be_unknown = seen.in_hand if WAYS[name].ends_connections else 0
    holds = (
        share >= REFUSED_SHARE
        and seen.in_hand > 0
        and back.took_s <= BACK_WITHIN_S
        and not ended
        and is_quiet
        and tally.count(Fate.UNKNOWN) <= may_be_unknown
    )
    what = str(WAYS[name].way.__doc__).rstrip(".")
    return run.row(f"{name}: {what}, {for_s:g} s", tally, holds=holds, remark="; ".join(remarks))


def main(args: Sequence[str]) -> int:
    """Run each way, and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.refusals")
    parser.add_argument("way", nargs="*", help=f"some of: {', '.join(WAYS)}; all unless named")
    parser.add_argument("--for-s", type=float, default=60.0, help="that Redis refuses")
    parser.add_argument("--per-s", type=float, default=100.0, help="jobs")
    read = parser.parse_args(args)
    if unknown := [name for name in read.way if name not in WAYS]:
        parser.error(f"no way is called {unknown[0]!r}: write some of {', '.join(WAYS)}")
    rows = []
    for name in read.way or WAYS:
        try:
            rows.append(refuse(name, for_s=read.for_s, per_s=read.per_s))
        except MissingToolError as missing:
            print(f"{name}: SKIPPED, {missing}", flush=True)
            continue
        print(f"{name}: {'holds' if rows[-1].holds else 'DOES NOT HOLD'}", flush=True)
    return find_exit_code((row.tally for row in rows), holds=show(rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
