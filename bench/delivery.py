"""What became of 100,000 recipients of a gateway that behaves oddly: `python -m bench.delivery`.

In:  how many messages and recipients; 200 and 100,000 unless said. Out: one table; exit code 1 when
the ledger and the gateway's book differ, or when its counters were ever wrong.
"""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from redis import Redis

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.models import BulkMessage, RecipientState
from smsq.simulator.options import ReceiptShape

#: All that the simulated gateway can do to reports and receipts.
ODDITIES: Mapping[str, object] = {
    "shuffle_pages": True,
    "shift_pages": True,
    "odd_word_share": 0.2,
    "undelivered_share": 0.1,
    "visible_after_s": 2,
    "sent_after_s": 4,
    "final_after_s": 12,
    "receipt_after_s": 1,
    "receipt_jitter_s": 10,
    "receipt_repeat": 3,
    "max_recipients": 5000,
    "fault_shares": {"server_error": 0.05, "html_200": 0.03},
}

#: Longest time that a run may take.
MOST_S = 900

#: How the bench reads the gateway's last words; an own reading, so that it checks smsq's.
FINAL = {
    "delivered": RecipientState.DELIVERED,
    "undelivered": RecipientState.UNDELIVERED,
    "EXPIRED": RecipientState.UNDELIVERED,
}

#: Counts every recipient of one job anew, in one atomic step, and compares with its counters.
CHECK_JOB = """
local ns, id = ARGV[1], ARGV[2]
local NAMES = {p = 'pending', s = 'sent', d = 'delivered', u = 'undelivered', n = 'no_report'}
for n = 1, tonumber(redis.call('HGET', ns .. ':job:' .. id, 'messages')) do
  local message = ns .. ':message:' .. id .. ':' .. n
  local seen = {pending = 0, sent = 0, delivered = 0, undelivered = 0, no_report = 0}
  for b = 0, tonumber(redis.call('HGET', message, 'buckets')) - 1 do
    local bucket = ns .. ':recipients:' .. id .. ':' .. n .. ':' .. b
    for _, value in ipairs(redis.call('HVALS', bucket)) do
      local state = NAMES[value == '' and 'p' or string.sub(value, 1, 1)]
      seen[state] = seen[state] + 1
    end
  end
  for state, counted in pairs(seen) do
    local kept = tonumber(redis.call('HGET', message, state) or 0)
    if kept ~= counted then
      return id .. ':' .. n .. ' ' .. state .. ': ' .. kept .. ', not ' .. counted
    end
  end
end
return ''
"""

#: Adds up the messages of all jobs of each campaign and compares with the campaigns and the whole.
CHECK_SUMS = """
local ns, campaigns = ARGV[1], cjson.decode(ARGV[2])
local total = {}
local function compare(what, kept, sums)
  for _, state in ipairs({'pending', 'sent', 'delivered', 'undelivered', 'no_report'}) do
    local n, sum = tonumber(redis.call('HGET', kept, 'recipient:' .. state) or 0), sums[state] or 0
    if n ~= sum then return what .. ' ' .. state .. ': ' .. n .. ', not ' .. sum end
  end
end
for _, campaign in ipairs(campaigns) do
  local sums = {}
  for _, id in ipairs(redis.call('LRANGE', ns .. ':campaign_jobs:' .. campaign, 0, -1)) do
    for n = 1, tonumber(redis.call('HGET', ns .. ':job:' .. id, 'messages')) do
      local counts = redis.call('HMGET', ns .. ':message:' .. id .. ':' .. n,
        'pending', 'sent', 'delivered', 'undelivered', 'no_report')
      for i, state in ipairs({'pending', 'sent', 'delivered', 'undelivered', 'no_report'}) do
        sums[state] = (sums[state] or 0) + (tonumber(counts[i]) or 0)
        total[state] = (total[state] or 0) + (tonumber(counts[i]) or 0)
      end
    end
  end
  local wrong = compare(campaign, ns .. ':campaign:' .. campaign, sums)
  if wrong then return wrong end
end
return compare('all', ns .. ':counts', total) or ''
"""


def make_sizes(messages: int, recipients: int) -> list[int]:
    """So many messages of 1 to 5,000 recipients, few of them large, `recipients` in all."""
    dice = random.Random(5)
    sizes = [5000, *(round(5000 ** dice.random()) for _ in range(messages - 1))]
    while sum(sizes) != recipients:
        n = dice.randrange(messages)
        step = min(500, abs(recipients - sum(sizes)))
        sizes[n] = min(5000, max(1, sizes[n] + (step if sum(sizes) < recipients else -step)))
    return sizes


def make_messages(sizes: Sequence[int]) -> Iterator[BulkMessage]:
    """Messages whose phones stand in no other."""
    numbers = map(phone, itertools.count())
    for n, size in enumerate(sizes):
        yield BulkMessage(
            name=f"Message {n}", text="Half price", phones=list(itertools.islice(numbers, size))
        )


def in_tens(messages: Iterator[BulkMessage]) -> Iterator[list[BulkMessage]]:
    """Ten messages for each campaign."""
    while part := list(itertools.islice(messages, 10)):
        yield part


class Auditor(threading.Thread):
    """Checks the counters over and over while everything runs.

    Attributes:
        checks: How often each check was made.
        wrong: What was found.
    """

    def __init__(self, redis: Redis, campaigns: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._redis = redis
        self._job = redis.register_script(CHECK_JOB)
        self._sums = redis.register_script(CHECK_SUMS)
        self._campaigns = campaigns
        self.checks: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        ids = '["' + '","'.join(self._campaigns) + '"]'
        jobs = itertools.cycle(
            str(job)
            for campaign in self._campaigns
            for job in self._redis.lrange(f"smsq:campaign_jobs:{campaign}", 0, -1)
        )
        while not self.stopped.wait(0.02):
            self._note("job", self._job(args=["smsq", next(jobs)]))
            self._note("sums", self._sums(args=["smsq", ids]))

    def _note(self, check: str, wrong: object) -> None:
        self.checks[check] += 1
        self.wrong += [str(wrong)] if wrong else []


def find_differences(b: Bed, campaigns: Sequence[str]) -> Iterator[str]:
    """Compare the ledger with the gateway's book, recipient by recipient."""
    book = {p: word for words in b.gateway.states().values() for p, word in words.items()}
    for campaign in campaigns:
        for recipient in b.queue.recipients(campaign):
            word = book.pop(recipient.phone, None)
            if (recipient.state, recipient.gateway_status) != (FINAL.get(word or ""), word):
                yield f"{recipient.state} {recipient.gateway_status!r}, the book says {word!r}"
    yield from (f"only in the book: {word}" for word in book.values())


def soak(messages: int, recipients: int) -> list[Row]:
    """Send them all, with every oddity, and compare."""
    sizes = make_sizes(messages, recipients)
    with bed(
        ("--rate", "60", "--burst", "5", "--latency-ms", "5"),
        workers=2,
        SMSQ_RATE_PER_S="100",
        SMSQ_BURST="5",
        SMSQ_POLL_FIRST_S="1",
        SMSQ_POLL_MAX_S="5",
        SMSQ_BULK_MAX_RECIPIENTS="5000",
        SMSQ_BACKOFF_MAX_S="5",
    ) as b:
        b.gateway.change(**ODDITIES)
        started_s = time.monotonic()
        campaigns = [b.queue.send_bulk(part) for part in in_tens(make_messages(sizes))]
        auditor = Auditor(b.redis, campaigns)
        auditor.start()
        shapes = itertools.cycle(ReceiptShape)

        def all_final() -> bool:
            b.gateway.change(receipt_shape=next(shapes))
            return all(b.queue.status(campaign).is_final for campaign in campaigns)

        wait(all_final, at_most_s=MOST_S, every_s=1)
        took_s = time.monotonic() - started_s
        auditor.stopped.set()
        auditor.join()
        differences = list(find_differences(b, campaigns))
        return _rows(b, auditor, differences, f"{recipients:,} in {messages}: {took_s:.0f} s")


def _rows(b: Bed, auditor: Auditor, differences: Sequence[str], what: str) -> list[Row]:
    for line in [*differences[:10], *auditor.wrong[:10]]:
        print(line)
    requests = b.gateway.get("/book")["requests"]
    polls = [n for name, n in requests.items() if name.startswith("getSmsDeliveryList")]
    failed = sum(polls) - requests.get("getSmsDeliveryList 200", 0)
    return [
        Row(
            f"the ledger against the book, {what}",
            2,
            f"{len(differences)} recipients differ; {sum(polls)} polls, {failed} failed",
            "0 differ",
            not differences,
        ),
        Row(
            "counters against recipients, atomically, all the while",
            2,
            f"{len(auditor.wrong)} wrong of {sum(auditor.checks.values())} checks",
            "0 wrong",
            not auditor.wrong and auditor.checks["job"] > 100,
        ),
    ]


def main(numbers: Sequence[str]) -> int:
    """Soak and print the table."""
    messages, recipients = (int(n) for n in numbers) if numbers else (200, 100_000)
    return 0 if show("delivery", soak(messages, recipients)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
