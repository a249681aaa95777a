"""Brakes of campaigns in a whole deployment: `python -m bench.brakes [RECIPIENTS]`.

In:  recipients of the campaign that is cancelled midway; a million by default.
Out: one table; exit code 1 when a row does not hold.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.intake.intake import Intake
from smsq.models import BulkMessage, JobState, RecipientState

MILLION = 1_000_000
PER_REQUEST = 1000

#: Of requests: the million takes 50 s, so that midway is a place to act.
RATE_PER_S = 20

CANARY, CAMPAIGN, UNDELIVERED = 50, 5000, 10

#: Phones that end so are never delivered to by the simulator.
UNDELIVERED_SUFFIX = "0410"


def enqueue(b: Bed, recipients: int) -> str:
    """Enqueue a campaign of one text; phones are made as they are needed."""
    message = BulkMessage(name="Sale", text="Half price", phones=[])
    head = Intake(b.queue.settings, datetime.now(UTC)).check_head(message)
    draft = b.queue._bulk.draft()
    with b.queue._producer.call(writes=False):
        draft.start_message(head)
        for n in range(recipients):
            draft.add(phone(n), None)
    return b.queue._bulk.commit(draft)


def send_starts(b: Bed, since_s: float = 0) -> list[float]:
    """When requests that send reached the gateway, on its clock."""
    return [at for at, path, _ in b.requests(round(since_s * 1000)) if "sendBulk" in path]


def act_midway(
    b: Bed, campaign: str, recipients: int, act: Callable[[], object]
) -> tuple[float, float, float]:
    """Do something when half of the requests are out.

    Returns:
        When it began and ended, and when the last request came after that, on the gateway's clock.
    """
    half = recipients // PER_REQUEST // 2
    wait(lambda: len(send_starts(b)) >= half, at_most_s=600)
    began_s = b.now_s()
    act()
    ended_s = b.now_s()
    time.sleep(5)
    last_s = max(send_starts(b, began_s - 5), default=began_s)
    return began_s, ended_s, last_s


def cancel_midway(recipients: int) -> list[Row]:
    """Pause, resume and cancel a large campaign that is going out."""
    settings = {"SMSQ_RATE_PER_S": str(RATE_PER_S), "SMSQ_BURST": "5"}
    with bed(["--latency-ms", "50"], workers=2, broker_db=0, redis_environ={}, **settings) as b:
        started_s = time.monotonic()
        campaign = enqueue(b, recipients)
        print(f"enqueued in {time.monotonic() - started_s:.0f} s", flush=True)
        rows = [_pause_and_resume(b, campaign, recipients)]
        # What others wait for in Redis while jobs are brought in line.
        slowest = Slowest(b)
        began, ended, last = act_midway(
            b, campaign, recipients, slowest.during(lambda: b.queue.cancel(campaign))
        )
        wait(lambda: b.queue.campaign(campaign).jobs.keys() <= _SETTLED, at_most_s=30)
        found = b.queue.campaign(campaign)
        taken = sum(status == 200 for _, path, status in b.requests() if "sendBulk" in path)
        rows.append(
            Row(
                f"cancel of {recipients:,} recipients midway",
                2,
                f"last request {last - ended:+.2f} s after it returned ({last - began:+.2f} s after"
                f" it began), {ended - began:.2f} s in all; PING at most {slowest.ms:.0f} ms",
                "none 1 s after it",
                last - ended <= 1 and last - began <= 1,
            )
        )
        jobs = sum(found.jobs.values())
        sent = found.jobs.get(JobState.ACCEPTED, 0)
        called_off = found.unsent.get(JobState.CANCELLED, 0)
        rows.append(
            Row(
                "its counts",
                2,
                f"{found.recipients:,} recipients in {jobs:,} jobs: {sent} accepted, the gateway"
                f" took {taken}; {called_off:,} recipients called off",
                f"{recipients:,}",
                found.recipients == recipients
                and sent == taken
                and called_off + sent * PER_REQUEST == recipients,
            )
        )
        return rows


_SETTLED = {JobState.ACCEPTED, JobState.CANCELLED}


def _pause_and_resume(b: Bed, campaign: str, recipients: int) -> Row:
    wait(lambda: len(send_starts(b)) >= RATE_PER_S, at_most_s=60)
    b.queue.pause(campaign)
    paused_s = b.now_s()
    time.sleep(5)
    late = [at - paused_s for at in send_starts(b, paused_s) if at - paused_s > 1]
    b.queue.resume(campaign)
    resumed_s = b.now_s()
    wait(lambda: send_starts(b, resumed_s), at_most_s=30, every_s=0.1)
    first_s = min(send_starts(b, resumed_s), default=float("inf"))
    return Row(
        f"{recipients:,} recipients, paused for 5 s and resumed",
        2,
        f"{len(late)} requests later than 1 s; sends again after {first_s - resumed_s:.2f} s",
        "0",
        not late and first_s < float("inf"),
    )


class Slowest:
    """Watches how long Redis keeps others waiting."""

    def __init__(self, b: Bed) -> None:
        self.ms = 0.0
        self._redis = b.redis

    def during(self, act: Callable[[], object]) -> Callable[[], None]:
        """Watch while something goes on."""

        def watched() -> None:
            over = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(over,))
            watcher.start()
            try:
                act()
            finally:
                over.set()
                watcher.join()

        return watched

    def _watch(self, over: threading.Event) -> None:
        while not over.is_set():
            began_s = time.monotonic()
            self._redis.ping()
            self.ms = max(self.ms, (time.monotonic() - began_s) * 1000)
            time.sleep(0.001)


def canary() -> list[Row]:
    """A canary of which a fifth is undelivered, then one of which nobody is."""
    settings = {"SMSQ_RATE_PER_S": "50", "SMSQ_BURST": "5", "SMSQ_POLL_FIRST_S": "1"}
    options = ["--sent-after-s", "0.2", "--final-after-s", "0.5", "--magic"]
    with bed(options, workers=2, broker_db=0, redis_environ={}, **settings) as b:
        bad = [f"37529{500 + n}{UNDELIVERED_SUFFIX}" for n in range(UNDELIVERED)]
        campaign = _send_with_canary(b, [*bad, *map(phone, range(CAMPAIGN - UNDELIVERED))])
        wait(lambda: _brake(b, campaign) == "stopped", at_most_s=60)
        time.sleep(10)
        found = b.queue.campaign(campaign)
        sent = len(b.gateway.accepted())
        why = found.brake.why if found.brake else "it goes on"
        stopped = Row(
            f"canary of {CANARY}, {UNDELIVERED / CANARY:.0%} undelivered, of {CAMPAIGN:,}",
            2,
            f"{sent} sent; {why}",
            f"exactly {CANARY}",
            sent == CANARY and _brake(b, campaign) == "stopped",
        )
        other = _send_with_canary(b, list(map(phone, range(CAMPAIGN, 2 * CAMPAIGN))))
        began_s = time.monotonic()
        wait(lambda: b.queue.campaign(other).is_final, at_most_s=60)
        delivered = b.queue.campaign(other).counts.get(RecipientState.DELIVERED, 0)
        good = Row(
            "the same, nobody undelivered",
            2,
            f"{delivered:,} delivered in {time.monotonic() - began_s:.1f} s",
            f"{CAMPAIGN:,}",
            delivered == CAMPAIGN,
        )
        return [stopped, good]


def _send_with_canary(b: Bed, phones: list[str]) -> str:
    message = BulkMessage(name="Sale", text="Half price", phones=phones)
    return b.queue.send_bulk([message], canary=CANARY, max_failed=0.1)


def _brake(b: Bed, campaign: str) -> str:
    brake = b.queue.campaign(campaign).brake
    return brake.state if brake else ""


def main() -> int:
    """Run both and print the table."""
    recipients = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION
    rows = [*canary(), *cancel_midway(recipients)]
    return 0 if show("brakes", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
