"""Second thoughts: people who cancel, retry and opt out while the gateway loses answers.

In:  a load of messages, some of which expire. Out: a row of the chaos table: what was called unsent
is not in the gateway's book, and nothing is in it twice.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from bench.harness import Bed
from bench.producer import Load, Producer
from bench.run import Row, Run, under_load
from bench.tally import Fate
from smsq.errors import SmsqError
from smsq.models import JobState
from smsq.operate.stuck_jobs import StuckJobs
from smsq.settings import Settings

#: Two attempts and the job is dead: some are, with a gateway that fails so often.
ATTEMPTS = 2
FAULTS = {"drop_after": 0.05, "server_error": 0.15}

#: Every third message expires so soon: some do while they wait for their second attempt.
EXPIRES_EVERY, EXPIRES_IN_S = 3, 2.0

#: Between two acts of one person, and how far back they reach: some of it is on its way.
ACT_EVERY_S, NEWEST = 0.05, 60

UNSENT = frozenset({JobState.CANCELLED, JobState.EXPIRED, JobState.DEAD, JobState.DONE})


class HastyProducer(Producer):
    """A producer some of whose messages expire."""

    def _put(self, n: int, phones: list[str]) -> str:
        expires_in_s = EXPIRES_IN_S if n % EXPIRES_EVERY == 0 else None
        return self.queue.send_quick(
            phones[0], f"code {n}", key=f"job {n}", expires_in_s=expires_in_s
        )


class People:
    """Someone who cancels, an operator who retries, customers who opt out: a thread each."""

    def __init__(self, bed: Bed, producer: Producer, *, seed: int = 7) -> None:
        self.acts: Counter[str] = Counter()
        self._bed, self._producer, self._seed = bed, producer, seed
        self._operator = StuckJobs.build(Settings.from_env(bed.stack.environ))

    def act_while(self, is_running: Callable[[], bool]) -> None:
        """Act from the first message on until the load is enqueued."""
        while not self._producer.orders:
            time.sleep(ACT_EVERY_S)
        acts = (self._cancel, self._retry, self._opt_out)
        threads = [
            threading.Thread(target=self._repeat, args=(act, random.Random(seed), is_running))
            for seed, act in enumerate(acts, start=self._seed)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._operator.close()

    def _repeat(
        self, act: Callable[[random.Random], int], dice: random.Random, goes_on: Callable[[], bool]
    ) -> None:
        while goes_on():
            with suppress(SmsqError):
                self.acts[act.__name__.strip("_")] += act(dice)
            time.sleep(ACT_EVERY_S)

    def _choose(self, dice: random.Random) -> str:
        return dice.choice(list(self._producer.orders)[-NEWEST:])

    def _cancel(self, dice: random.Random) -> int:
        return self._bed.queue.cancel(self._choose(dice))

    def _retry(self, dice: random.Random) -> int:
        dead = list(self._operator.find(JobState.DEAD))
        if not dead:
            return 0
        self._operator.retry(dice.choice(dead).id, why="chaos")
        return 1

    def _opt_out(self, dice: random.Random) -> int:
        [(phone, _)] = self._producer.orders[self._choose(dice)]
        return self._bed.queue.optout.add([phone])


def second_thoughts(load: Load | None = None) -> Row:
    """People change their minds while 5 % of the answers are lost and 15 % are 500."""
    load = load or Load(per_s=100)
    with under_load(
        load, producer_of=HastyProducer, SMSQ_MAX_ATTEMPTS=str(ATTEMPTS), SMSQ_RATE_PER_S="100"
    ) as run:
        run.bed.gateway.change(fault_shares=FAULTS)
        people = People(run.bed, run.producer)
        people.act_while(lambda: run.producer.is_running)
        return _reckon(run, people)


def _reckon(run: Run, people: People) -> Row:
    tally = run.settle(unsent=UNSENT)
    acts = ", ".join(f"{count} {what}" for what, count in sorted(people.acts.items()))
    return run.row(
        "people cancel, retry, opt out; 5 % of answers lost, 15 % 500",
        tally,
        holds=bool(tally.count(Fate.UNSENT)) and all(people.acts.values()),
        remark=f"done: {acts}; what was called unsent is in no book",
    )
