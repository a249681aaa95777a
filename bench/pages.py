"""A message of 100,000 recipients, polled and stored page by page: `python -m bench.pages`.

In:  nothing. Out: one table; the peer is a loop with `requests` that only fetches the pages, run
before each round. On loopback the gateway answers as fast as its processor makes the pages, and
shares two cores with worker and Redis; over a network it takes some 20 ms.
"""

from __future__ import annotations

import statistics
import sys
import time

import requests

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.models import BulkMessage, JobState

RECIPIENTS, PAGE_ROWS, ROUNDS = 100_000, 1000, 9
ENDPOINT = "getSmsDeliveryList"
MOST = 1.5


def fetch_bare_s(b: Bed, message_id: int) -> float:
    """Seconds that the pages take when nothing is done with them."""
    started_s = time.monotonic()
    with requests.Session() as session:
        for offset in range(0, RECIPIENTS + 1, PAGE_ROWS):
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


def accept_message(b: Bed) -> tuple[str, int]:
    """Have a message accepted; returns its campaign and the gateway's id."""
    phones = [phone(n) for n in range(RECIPIENTS)]
    campaign = b.queue.send_bulk([BulkMessage(name="Sale", text="Half price", phones=phones)])
    wait(lambda: b.queue.status(campaign).messages[0].message_id, at_most_s=60, every_s=0.2)
    return campaign, b.queue.status(campaign).messages[0].message_id or 0


def poll_s(b: Bed, campaign: str) -> float:
    """Seconds from the first page's request until the last page is stored."""
    since_s = b.now_s()
    offset_s = time.time() - since_s
    [job] = b.redis.lrange(f"smsq:campaign_jobs:{campaign}", 0, -1)
    b.redis.zadd("smsq:polls", {str(job) + ":1": 0})
    wait(lambda: b.queue.status(campaign).state is JobState.DONE, at_most_s=120, every_s=0.1)
    done_s = int(str(b.redis.hget(f"smsq:job:{job!s}", "changed_at_ms"))) / 1000 - offset_s
    seen = b.requests(round(since_s * 1000))
    return done_s - min(at for at, endpoint, _ in seen if endpoint == ENDPOINT)


def pages(latency_ms: int) -> list[Row]:
    """Poll large messages from their first page to their last, one after the other."""
    ratios, took, bare = [], [], []
    with bed(
        ("--final-after-s", "0", "--sent-after-s", "0"),
        workers=1,
        SMSQ_RATE_PER_S="5000",
        SMSQ_BURST="100",
        SMSQ_POLL_FIRST_S="600",
        SMSQ_BULK_MAX_RECIPIENTS=str(RECIPIENTS),
    ) as b:
        b.gateway.change(max_recipients=RECIPIENTS)
        accepted = [accept_message(b) for _ in range(ROUNDS)]
        b.gateway.change(latency_ms=latency_ms)
        rss = b.worker_rss_bytes()
        for campaign, message_id in accepted:
            bare.append(fetch_bare_s(b, message_id))
            took.append(poll_s(b, campaign))
            ratios.append(took[-1] / bare[-1])
        grown_mb = max(n - rss[name] for name, n in b.worker_rss_bytes().items()) / 1e6
    ratio = statistics.median(ratios)
    return [
        Row(
            f"{RECIPIENTS} recipients in pages of {PAGE_ROWS}, gateway latency {latency_ms} ms",
            1,
            f"{ratio:.2f} times a bare loop ({', '.join(f'{each:.2f}' for each in ratios)}; "
            f"{statistics.median(took):.2f} s and {statistics.median(bare):.2f} s); "
            f"worker RSS grew {grown_mb:.1f} MB",
            f"< {MOST} times, < 30 MB",
            ratio < MOST and grown_mb < 30,
        )
    ]


if __name__ == "__main__":
    sys.exit(0 if show("pages", [*pages(0), *pages(20)]) else 1)
