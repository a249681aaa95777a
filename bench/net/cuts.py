"""One link cut again and again under load, and the reckoning at the end.

In:  a link's name. Out: a line of the table.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.faults import read_log
from bench.harness import wait
from bench.net.at_work import Comeback, begin, find_pause_s, watch
from bench.net.deployment import APP, PORT, WORKERS, Deployment, deployment
from bench.net.links import FAULTS
from bench.net.load import MixedProducer
from bench.producer import Load
from bench.run import Row, Run
from bench.tally import Fate, Tally, is_at_rest, reckon

#: Everything is at work so soon after a heal.
AT_WORK_S = 15.0

#: As docs/high-availability.md says.
DURABLE = {"SMSQ_DURABLE_CLAIMS": "replica", "SMSQ_DURABLE_ENQUEUE": "replica"}

#: Before each cut, and after each heal.
QUIET_S, REST_S = 5.0, 20.0
#: After the last message; one for later has some time to go then.
SETTLE_S = 120.0

#: In lines that a log has without any cut.
_OF_MESSAGES = ("-> send", " <- ", " recover: ")

#: Of a process, beside those of its messages, for each time a link was cut.
MOST_LINES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a link is hurt: so often, for so long, under so much load.

    Attributes:
        logs: Where the processes' logs are to be kept.
    """

    times: int = 2
    for_s: float = 30.0
    per_s: float = 100.0
    logs: str | None = None

    @property
    def later_s(self) -> float:
        """Of `send_at`; a call that is repeated until its link is healed must not be too late."""
        return self.for_s + 15

    @property
    def load(self) -> Load:
        """What is enqueued meanwhile."""
        lasts_s = self.times * (QUIET_S + self.for_s + REST_S)
        return Load(jobs=round(self.per_s * lasts_s), per_s=self.per_s, campaign_every=9)


def cut(link: str, plan: Plan) -> Row:
    """Run it with all processes on hosts of their own."""
    settings = {
        "SMSQ_RATE_PER_S": str(2 * plan.per_s),
        "SMSQ_BURST": "10",
        **DURABLE,
    }
    with deployment(FAULTS[link].cabled, **settings) as made:
        producer = MixedProducer(
            made.new_queue(), plan.load, host=made.net.hosts[APP], later_s=plan.later_s
        )
        run = Run(made.bed, producer)
        producer.start()
        at_hand, comebacks, pauses_s = 0, [], []
        for _ in range(plan.times):
            time.sleep(QUIET_S)
            struck_s = made.bed.now_s()
            FAULTS[link].strike(made.net, made.servers.primary)
            # What is written on one of them before its worker notices may be unknown.
            at_hand += sum(made.net.hosts[name].count_open(PORT) for name in WORKERS)
            time.sleep(plan.for_s)
            comebacks.append(begin(made.bed, producer))
            made.net.heal()
            healed_s = made.bed.now_s()
            watch(comebacks[-1], made.bed, for_s=REST_S)
            pauses_s.append(find_pause_s(made.bed, struck_s, healed_s))
        tally = settle(made, run)
        if plan.logs:
            shutil.copytree(run.stack.folder, Path(plan.logs, link), dirs_exist_ok=True)
        row = _row(link, run, tally, comebacks, at_hand)
        told = ", ".join(f"{pause_s:.1f}" for pause_s in pauses_s)
        return replace(row, remark=f"nothing was sent for {told} s meanwhile; {row.remark}")


def settle(made: Deployment, run: Run) -> Tally:
    """Wait until nothing moves any more, and reckon up.

    Raises:
        StackError: A process went away by itself.
    """
    run.producer.join()
    wait(lambda: is_at_rest(made.bed), at_most_s=SETTLE_S)
    run.stack.check()
    return reckon(made.bed, run.producer)


def _row(link: str, run: Run, tally: Tally, comebacks: Sequence[Comeback], at_hand: int) -> Row:
    slowest = max(comebacks, key=lambda each: each.took_s)
    lines, tracebacks = read_logs(run)
    talkative = max(lines, key=lambda name: lines[name])
    # Sends that were gathered share a request.
    doubtful = {some_id.partition(".")[0] for some_id in tally.jobs(Fate.UNKNOWN)}
    remarks = (
        f"at work {slowest.took_s:.1f} s after healing ({slowest.slowest} was last)",
        f"{len(doubtful)} requests unknown, {at_hand} connections to the gateway were open",
        f"{run.producer.repeats} calls repeated",
        f"{lines[talkative]} lines beside those of messages ({talkative})",
        *([f"{tracebacks} tracebacks"] if tracebacks else []),
    )
    all_there = len(tally.fates) == run.producer.load.jobs
    is_readable = not tracebacks and lines[talkative] <= MOST_LINES * len(comebacks)
    is_known = len(doubtful) <= at_hand
    holds = all_there and is_readable and is_known and slowest.took_s <= AT_WORK_S
    return run.row(FAULTS[link].what, tally, holds=holds, remark="; ".join(remarks))


def read_logs(run: Run) -> tuple[dict[str, int], int]:
    """Count what our processes wrote: lines that tell of no message, and tracebacks."""
    lines, tracebacks = {}, 0
    for name in (*run.stack.worker_names, "beat", "web"):
        log = read_log(run.stack, name)
        lines[name] = sum(not any(mark in line for mark in _OF_MESSAGES) for line in log)
        tracebacks += sum("Traceback" in line for line in log)
    return lines, tracebacks
