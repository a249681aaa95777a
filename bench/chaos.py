"""Never twice, never lost, whatever dies: `python -m bench.chaos [scenario ...]`.

In:  names of scenarios, all unless named. Out: one table, with the same faults against plain Celery
in a column; exit code 3 when a job was sent twice or lost, 1 when a row of ours does not hold for
another reason, which a busy machine can be.

Each scenario runs a whole deployment with real processes and a real Redis under a load of 5,000
jobs, each for a phone of its own, and compares the ledger with the simulator's book at the end, job
by job (bench/tally.py).
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from bench import faults
from bench.arguments import read_names
from bench.peer import run_peer
from bench.producer import Load
from bench.run import TIMEOUT_S, Row, find_exit_code, show, under_load
from bench.second_thoughts import second_thoughts
from bench.set_clocks import set_clocks
from bench.tally import Fate
from smsq.cli.running.stack import free_port
from smsq.models import JobState

#: Of requests, for the scenario that waits for ten leases; how many are unknown does not matter to
#: it.
SHORT_TIMEOUT_S = 2


#: A worker takes rings so soon after Redis is back.
RECONNECT_S = 10

#: A gateway that refuses a tenth of everything leaves some 50/s, on a busy machine less.
SLOW_SETTLE_S = 300

LOAD = Load()
#: For faults that need less time than the load's 40 s.
FAST_LOAD = Load(per_s=200)


def kill_workers(
    load: Load = LOAD, *, times: int = 20, workers: int = 4, timeout_s: int = TIMEOUT_S
) -> Row:
    """SIGKILL a random worker every 2 s; whoever supervises it starts another at once."""
    dice = random.Random(4)
    with under_load(load, workers=workers, SMSQ_TIMEOUT_S=str(timeout_s)) as run:
        for _ in range(times):
            time.sleep(2)
            name = dice.choice(run.stack.worker_names)
            faults.kill(run.stack, name)
            run.stack.start_worker(name, waits=False)
        tally = run.settle()
        in_flight = len(faults.find_unanswered(run.stack))
        # A worker may be killed between its claim and the line in its log.
        return run.row(
            f"SIGKILL a random worker every 2 s, {times} times",
            tally,
            holds=tally.count(Fate.UNKNOWN) <= in_flight + times,
            remark=f"{in_flight} requests were in flight at the kills",
        )


def restart_workers(load: Load = LOAD, *, rounds: int = 5) -> Row:
    """SIGTERM one worker after the other, and start each again."""
    with under_load(load) as run:
        for _ in range(rounds):
            for name in run.stack.worker_names:
                faults.restart_gracefully(run.stack, name)
        tally = run.settle()
        return run.row(
            f"SIGTERM rolling restart of all workers, {rounds} rounds",
            tally,
            holds=not tally.count(Fate.UNKNOWN),
            remark="must be 0 unknown",
        )


def kill_redis(load: Load = LOAD, *, times: int = 5) -> Row:
    """SIGKILL Redis with an AOF, fsync every second as in docker-compose.yml.

    What Redis has written to its AOF survives it. While one fsync lasts, though, Redis may hold the
    next write back for up to 2 s and answer nevertheless: on a disk that slow, such a kill loses
    what `appendfsync always` would keep.
    """
    with under_load(load) as run:
        reconnected_s = []
        for _ in range(times):
            time.sleep(3)
            faults.kill_redis(run.stack, for_s=3)
            reconnected_s.append(faults.wait_for_consumers(run.stack))
        tally = run.settle()
        return run.row(
            f"kill -9 Redis with AOF, restart after 3 s, {times} times",
            tally,
            holds=max(reconnected_s) <= RECONNECT_S,
            remark=f"all workers took rings again {max(reconnected_s):.1f} s later, must be "
            f"≤ {RECONNECT_S} s; {run.producer.repeats} calls repeated with their key",
        )


def freeze_workers(load: Load = LOAD, *, times: int = 10) -> Row:
    """SIGSTOP a worker for longer than its lease, then SIGCONT.

    What it had in hand is unknown meanwhile; its answers come late, and are taken.
    """
    with under_load(load, SMSQ_TIMEOUT_S=str(SHORT_TIMEOUT_S)) as run:
        stands_still_s = 2 * SHORT_TIMEOUT_S + 1
        doubted = 0
        for n in range(times):
            time.sleep(0.5)
            names = run.stack.worker_names
            with faults.frozen(run.stack, names[n % len(names)]):
                time.sleep(stands_still_s)
                doubted += run.bed.queue.stats().jobs[JobState.UNKNOWN]
        tally = run.settle()
        return run.row(
            f"SIGSTOP a worker for {stands_still_s} s, SIGCONT, {times} times",
            tally,
            remark=f"{doubted} jobs were unknown while their worker stood still",
        )


def flush_broker(load: Load = FAST_LOAD, *, times: int = 3) -> Row:
    """Empty the broker's database while a backlog waits; the ledger lies in another."""
    with under_load(load, broker_db=1, SMSQ_RATE_PER_S="125") as run:
        rings = 0
        for _ in range(times):
            time.sleep(6)
            rings += faults.flush_broker(run.stack)
        run.producer.join()
        rings += faults.flush_broker(run.stack)
        flushed_at_s = time.monotonic()
        tally = run.settle()
        took_s = time.monotonic() - flushed_at_s
        return run.row(
            f"FLUSHDB of the broker mid-run, {times + 1} times",
            tally,
            holds=took_s <= 60 and not tally.count(Fate.UNKNOWN),
            remark=f"{rings} rings flushed; all sent {took_s:.0f} s after the last, must be ≤ 60 s",
        )


def lose_answers(load: Load | None = None) -> Row:
    """The gateway accepts 5 % of the requests and drops the connection, or stalls."""
    load = load or Load(per_s=200, campaign_every=7, magic_every=20, suffixes=("0499", "0408"))
    with under_load(load) as run:
        run.bed.gateway.change(stall_s=TIMEOUT_S + 1)
        tally = run.settle()
        quick = {job for job in run.producer.magic if len(run.producer.orders[job]) == 1}
        settled = run.producer.magic - quick
        return run.row(
            "gateway drops or stalls 5 % after accepting",
            tally,
            holds=tally.jobs(Fate.UNKNOWN) == quick and tally.unknown_accepted == len(quick),
            remark=f"must be exactly the {len(quick)} quick jobs it struck; "
            f"{len(settled)} campaigns settled by receipt",
        )


def refuse(load: Load = FAST_LOAD) -> Row:
    """Refused connections 5 %, 500 5 %, 429 10 %, from the first job to the last.

    What was written and dropped unanswered is unknown to us whatever the gateway did, so "drops
    before accepting" are refused connections; bench/door.py says why nothing else can be.

    A closing after each tenth request leaves some 50/s of any rate.
    """
    port = free_port()
    with under_load(load, SMSQ_GATEWAY_URL=f"http://127.0.0.1:{port}") as run:
        gateway = run.bed.gateway
        gateway.change(keeps_alive=False, fault_shares={"server_error": 0.05, "busy": 0.1})
        faults.start_door(run.stack, port, shut_share=0.05)
        tally = run.settle(at_most_s=SLOW_SETTLE_S)
        answers = gateway.get("/book")["requests"]
        refused = faults.count_lines(run.stack, "could not be reached")
        struck = [refused, *(answers.get(f"sendQuickSMS {status}", 0) for status in (500, 429))]
        for job in tally.jobs(Fate.UNKNOWN):
            print(f"unknown: {job}: {run.bed.queue.status(job).error}", flush=True)
        return run.row(
            "gateway refuses 5 %, answers 5 % 500, 10 % 429",
            tally,
            holds=not tally.count(Fate.UNKNOWN) and all(struck),
            remark="must be 0 unknown; {} connections refused, {} times 500, {} times 429".format(
                *struck
            ),
        )


def two_beats(load: Load = FAST_LOAD) -> Row:
    """Two beats, one of which comes and goes, and a worker whose clock is 5 minutes ahead."""
    ahead, clock = "worker-ahead", faults.wrong_clock("+5m")
    with under_load(load) as run:
        run.stack.start_worker(ahead, environ=clock)
        while run.producer.is_running:
            run.stack.start_beat("beat2")
            time.sleep(4)
            faults.kill(run.stack, "beat2")
            time.sleep(1)
        run.stack.start_beat("beat2")
        tally = run.settle()
        sent = faults.count_lines(run.stack, "-> send", ahead)
        return run.row(
            "two beats, one stopped and started, a worker's clock 5 min wrong",
            tally,
            holds=not tally.count(Fate.UNKNOWN) and sent > 0,
            remark=f"must be 0 unknown; {sent} sent by the worker with the wrong clock",
        )


ALL: Sequence[Callable[[], Row]] = (
    *(kill_workers, restart_workers, kill_redis, freeze_workers),
    *(flush_broker, lose_answers, refuse, two_beats, second_thoughts, set_clocks),
)
SCENARIOS = {scenario.__name__: scenario for scenario in ALL}


#: Waits for the gateway most of the time, so it runs beside the others.
SLOW = refuse.__name__


def run_scenario(name: str) -> Row | None:
    """Run one scenario; None where it was skipped for want of a tool.

    Raises:
        MissingToolError: In CI, which must have it.
    """
    try:
        row = SCENARIOS[name]()
    except faults.MissingToolError as missing:
        if os.environ.get("CI") == "true":
            raise
        print(f"{name}: SKIPPED, {missing}", flush=True)
        return None
    print(f"{name}: {'holds' if row.holds else 'DOES NOT HOLD'}", flush=True)
    tally = run_peer(name)
    return replace(row, peer=str(tally)) if tally else row


def main(names: Sequence[str]) -> int:
    """Run scenarios and print their table; a process that ends by itself ends all of it."""
    began_at_s = time.monotonic()
    names = names or list(SCENARIOS)
    with ProcessPoolExecutor(1, get_context("spawn")) as beside:
        slow = [beside.submit(run_scenario, name) for name in names if name == SLOW]
        found = [run_scenario(name) for name in names if name != SLOW]
        rows = [row for row in (*found, *(each.result() for each in slow)) if row]
    holds = show(rows)
    print(f"{len(rows)} scenarios in {time.monotonic() - began_at_s:.0f} s")
    return find_exit_code((row.tally for row in rows), holds=holds)


if __name__ == "__main__":
    sys.exit(main(read_names("bench.chaos", sys.argv[1:], SCENARIOS)))
