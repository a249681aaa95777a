"""A rough gateway's book against ours: `python -m bench.rough [quick recipients rate]`.

In:  how many quick messages and recipients of a campaign; 5,000 and 50,000 at 50 requests a second
unless said. Out: one table; exit code 1 when a row does not hold.

The gateway is `smsq simulator --world rough`. Its book says who was accepted, how often, and for
whom its answer did not say so: only those may be unknown.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

from bench.harness import Bed, Row, bed, phone, show, wait
from bench.limiter import used
from smsq.models import BulkMessage, JobState, QuickMessage, RecipientState
from smsq.status.status import RecipientStatus

#: Of the gateway's words; an own reading, so that it checks smsq's.
_WORDS = {"delivered": RecipientState.DELIVERED, "undelivered": RecipientState.UNDELIVERED}

#: A run that takes longer than the requests alone would is given up after this much more.
_MORE_S = 400

#: Share of the told limit that must be used.
_MUST_USE = 0.9


def fill(bed_: Bed, quick: int, recipients: int) -> tuple[Sequence[str], str]:
    """Enqueue codes and a campaign; gives their ids."""
    codes = [
        job
        for start in range(0, quick, 1000)
        for job in bed_.queue.send_quick_many(
            QuickMessage(phone=phone(n), text=f"Ваш код {n}")
            for n in range(start, min(start + 1000, quick))
        )
    ]
    phones = [phone(quick + n) for n in range(recipients)]
    campaign = bed_.queue.send_bulk([BulkMessage(name="Sale", text="Скидки", phones=phones)])
    return codes, campaign


def is_over(bed_: Bed) -> bool:
    """Whether nobody waits for anything: no job to be sent, no recipient without a final state."""
    stats = bed_.queue.stats()
    open_jobs = sum(stats.jobs[state] for state in (JobState.QUEUED, JobState.SUBMITTING))
    in_doubt = stats.jobs[JobState.UNKNOWN]
    left = stats.recipients[RecipientState.PENDING] + stats.recipients[RecipientState.SENT]
    # Those of unknown jobs stay pending.
    return not open_jobs and (left == 0 or (in_doubt > 0 and left <= count_in_doubt(bed_)))


def count_in_doubt(bed_: Bed) -> int:
    """Recipients whose answer did not say that they were accepted."""
    return len(bed_.gateway.get("/book/doubtful"))


def compare(bed_: Bed, codes: Sequence[str], campaign: str) -> list[Row]:
    """Compare recipient by recipient."""
    words = {p: word for words in bed_.gateway.states().values() for p, word in words.items()}
    doubtful = set(bed_.gateway.get("/book/doubtful"))
    ours: dict[str, RecipientStatus] = {}
    for some_id in (*codes, campaign):
        ours |= {one.phone: one for one in bed_.queue.recipients(some_id)}
    other = [
        p
        for p, one in ours.items()
        if one.state != _WORDS.get(words.get(p, ""), RecipientState.PENDING) and p not in doubtful
    ]
    accepted = Counter(bed_.gateway.accepted().values())
    pending = {p for p, one in ours.items() if one.state is RecipientState.PENDING}
    rows = [
        ("accepted more than once", sum(n for times, n in accepted.items() if times > 1), "0"),
        ("never accepted", len(ours) - sum(accepted.values()), "0"),
        ("another state than in the book", len(other), "0"),
        ("unknown, though the answer said it", len(pending - doubtful), "0"),
    ]
    return [Row(what, 2, f"{n:,} of {len(ours):,}", must, n == 0) for what, n, must in rows]


def main(quick: int, recipients: int, rate_per_s: int) -> int:
    """Send all of it and compare."""
    limit = ("--rate", str(rate_per_s), "--burst", "5", "--undelivered-share", "0.1")
    requests = quick + recipients / 1000
    with bed(
        ("--world", "rough", *limit),
        workers=2,
        SMSQ_RATE_PER_S=str(rate_per_s),
        SMSQ_BURST="5",
        # Rows come shuffled, 100 at a time: some need many polls until they were seen.
        SMSQ_POLL_FIRST_S="5",
        SMSQ_POLL_MAX_S="20",
    ) as b:
        codes, campaign = fill(b, quick, recipients)
        began_s = time.monotonic()
        wait(lambda: b.requests(), at_most_s=30, every_s=0.1)
        first_s = b.requests()[0][0]
        wait(lambda: not b.queue.stats().jobs[JobState.QUEUED], at_most_s=3 * requests, every_s=2)
        # All slots go to sends and polls while jobs wait.
        last_s = b.now_s()
        share = used(b, rate_per_s, first_s + 2, last_s - 2)
        is_done = wait(lambda: is_over(b), at_most_s=3 * requests / rate_per_s + _MORE_S, every_s=5)
        took_s = time.monotonic() - began_s
        rows = compare(b, codes, campaign)
        unknown, doubtful = b.queue.stats().jobs[JobState.UNKNOWN], count_in_doubt(b)
    rows += [
        Row("the told limit is used", 2, f"{share:.1%}", f"≥ {_MUST_USE:.0%}", share >= _MUST_USE),
        Row("all are final, or in doubt", 2, f"{took_s:.0f} s", "yes", is_done),
        Row("jobs in doubt", 2, f"{unknown}, recipients {doubtful:,}", "shown", True),
    ]
    return 0 if show("a rough gateway's book against ours", rows) else 1


if __name__ == "__main__":
    sizes = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*sizes) if sizes else main(5000, 50_000, 50))
