"""100,000 recipients of five messages, polled and stored page by page: `python -m bench.pages`.

In:  nothing. Out: one table; the peer is a loop with `requests` that only fetches the pages.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from itertools import product

import requests

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.models import BulkMessage, JobState

RECIPIENTS, PER_REQUEST, PAGE_ROWS = 100_000, 20_000, 1000
ENDPOINT = "getSmsDeliveryList"


def fetch_bare_s(b: Bed, message_ids: Sequence[int]) -> float:
    """Seconds that the pages take when nothing is done with them."""
    started_s = time.monotonic()
    with requests.Session() as session:
        for message_id, offset in product(message_ids, range(0, PER_REQUEST + 1, PAGE_ROWS)):
            answer = session.get(
                f"{b.gateway.url}/api/v1/{ENDPOINT}",
                params={
                    "token": b.stack.environ["SMSQ_GATEWAY_TOKEN"],
                    "message_id": str(message_id),
                    "limit_offset": str(offset),
                    "limit_rows": str(PAGE_ROWS),
                },
                timeout=30,
            )
            answer.json()
    return time.monotonic() - started_s


def pages() -> list[Row]:
    """Poll one large message from its first page to its last."""
    with bed(
        ("--final-after-s", "0", "--sent-after-s", "0"),
        workers=1,
        SMSQ_RATE_PER_S="5000",
        SMSQ_BURST="100",
        SMSQ_POLL_FIRST_S="60",
        SMSQ_BULK_MAX_RECIPIENTS=str(PER_REQUEST),
    ) as b:
        b.gateway.change(max_recipients=PER_REQUEST)
        phones = [phone(n) for n in range(RECIPIENTS)]
        job = b.queue.send_bulk([BulkMessage(name="Sale", text="Half price", phones=phones)])

        def message_ids() -> list[int]:
            return [m.message_id for m in b.queue.status(job).messages if m.message_id]

        wait(lambda: len(message_ids()) == RECIPIENTS // PER_REQUEST, at_most_s=60, every_s=0.2)
        bare_s = fetch_bare_s(b, message_ids())
        rss = b.worker_rss_bytes()
        since_s = b.now_s()
        # All at once: how far apart the messages were accepted is not what is measured.
        b.redis.zadd("smsq:polls", {str(ref): 0 for ref in b.redis.zrange("smsq:polls", 0, -1)})
        wait(lambda: b.queue.status(job).state is JobState.DONE, at_most_s=120, every_s=0.2)
        times_s = [
            at for at, endpoint, _ in b.requests(round(since_s * 1000)) if endpoint == ENDPOINT
        ]
        grown_mb = max(n - rss[name] for name, n in b.worker_rss_bytes().items()) / 1e6
        memory = sum(
            b.redis.memory_usage(str(key)) or 0 for key in b.redis.scan_iter("smsq:recipients:*")
        )
    took_s = max(times_s) - min(times_s)
    return [
        Row(
            f"{len(times_s)} pages of {PAGE_ROWS} rows, fetched and stored",
            1,
            f"{took_s:.2f} s, bare loop {bare_s:.2f} s; worker RSS grew {grown_mb:.1f} MB; "
            f"{memory / RECIPIENTS:.0f} bytes per reported recipient",
            "< 1.5 times, < 30 MB",
            took_s < 1.5 * bare_s and grown_mb < 30,
        )
    ]


if __name__ == "__main__":
    sys.exit(0 if show("pages", pages()) else 1)
