"""The simulated gateway: judges a request as the contract does, plays its fault, keeps the book.

In:  what came over HTTP. Out: a `Reply`, after the time that the options say.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from smsq.simulator import contract
from smsq.simulator.book import Book, Message
from smsq.simulator.contract import Bulk, Quick, Refused
from smsq.simulator.faults import AFTER_ACCEPTING, Fault, find_fault
from smsq.simulator.http_messages import (
    Incoming,
    Pairs,
    find_phones,
    find_senders,
    find_token,
    read_pairs,
)
from smsq.simulator.limit import Bucket
from smsq.simulator.options import Options
from smsq.simulator.receipts import post_receipt, write_receipt

#: Requests remembered for benches: when, where, how they ended.
MAX_LOG = 200_000


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to be sent, `stall_s` late; `is_dropped`: none, the connection closes.

    The log has `means` where that is another status than the answer says.
    """

    status: int = 200
    document: object = None
    html: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    is_dropped: bool = False
    stall_s: float = 0.0
    means: int = 0


_T = TypeVar("_T")
_REPLIES = {
    Fault.BAD_REQUEST: Reply(400, {"error": "bad request, as this phone asks for"}),
    Fault.ERROR_200: Reply(200, {"error": "Wrong alphaname, as this phone asks for"}),
    Fault.UNAUTHORIZED: Reply(401, {"error": "invalid token"}),
    Fault.NOT_FOUND: Reply(404, html="<h1>404</h1>"),
    Fault.SERVER_ERROR: Reply(500, html="<h1>500</h1>"),
    Fault.HTML_200: Reply(200, html="<h1>Thank you</h1>"),
    Fault.DROP_BEFORE: Reply(is_dropped=True),
    Fault.DROP_AFTER: Reply(is_dropped=True),
    Fault.BAD_GATEWAY: Reply(502, html="<h1>502 Bad Gateway</h1>"),
    Fault.GATEWAY_TIMEOUT: Reply(504, html="<h1>504 Gateway Time-out</h1>"),
}


class Gateway:
    """One simulated gateway; lives in one event loop.

    Args:
        options: How it behaves.
        time_s: Seconds since 1970; tests pass a clock of their own.
    """

    def __init__(self, options: Options, *, time_s: Callable[[], float] = time.time) -> None:
        self.options = options
        self.time_s = time_s
        self._receipts: set[asyncio.Task[None]] = set()
        self.reset()

    def reset(self) -> None:
        """Forget everything but the options."""
        self.book = Book()
        self.counts: Counter[str] = Counter()
        self.log: deque[tuple[int, str, int]] = deque(maxlen=MAX_LOG)
        self._started_at_s = time.monotonic()
        self._bucket = Bucket()
        self._played: set[str] = set()
        for task in self._receipts:
            task.cancel()
        self._dice = random.Random(self.options.seed)  # noqa: S311 - a game of faults

    async def send_quick(self, incoming: Incoming) -> Reply:
        """Answer sendQuickSMS."""

        def read(query: Pairs) -> Quick:
            if incoming.body and "x-www-form-urlencoded" not in incoming.content_type:
                raise Refused("the body must be a form")
            return contract.read_quick(query, read_pairs(incoming.body.decode("latin-1")))

        async def accept(quick: Quick) -> Reply:
            message = self.book.accept_quick(quick, self.time_s())
            parts = contract.count_parts(quick.text)
            return Reply(200, {"sms_id": message.message_id, "status": "NEW", "parts": parts})

        return await self._serve("sendQuickSMS", incoming, read, accept)

    async def send_bulk(self, incoming: Incoming) -> Reply:
        """Answer sendBulkSms."""

        async def accept(bulk: Bulk) -> Reply:
            messages = self.book.accept_bulk(bulk, self.time_s(), self.options)
            if bulk.callback_url:
                task = asyncio.create_task(self._post_receipts(bulk.callback_url, messages))
                self._receipts.add(task)
                task.add_done_callback(self._receipts.discard)
            return Reply(200, {"uuid": messages[0].uuid, "success": "OK"})

        def read(query: Pairs) -> Bulk:
            if query:
                raise Refused("parameters belong into the body, none into the query")
            document = contract.read_json(incoming.body)
            return contract.read_bulk(document, self.options.max_recipients)

        return await self._serve("sendBulkSms", incoming, read, accept)

    async def list_reports(self, incoming: Incoming) -> Reply:
        """Answer getSmsDeliveryList."""

        async def answer(asked: contract.Reports) -> Reply:
            now_s = self.time_s()
            message = self.book.messages.get(asked.message_id)
            if message is None:
                return Reply(400, {"error": "message_id is not known"})
            if now_s - message.accepted_at_s < self.options.visible_after_s:
                return Reply(200, {"result": []})
            phones = self._order(message.phones)
            most = self.options.most_page_rows or len(phones)
            end = asked.offset + min(most, len(phones) if asked.rows is None else asked.rows)
            rows = self.book.rows(message, phones[asked.offset : end], now_s, self.options)
            return Reply(200, {"result": rows})

        return await self._serve("getSmsDeliveryList", incoming, contract.read_reports, answer)

    def _order(self, phones: Sequence[str]) -> Sequence[str]:
        """Put the rows of a report into the order of this one request."""
        ordered = list(phones)
        if self.options.shuffle_pages:
            self._dice.shuffle(ordered)
        if self.options.shift_pages:
            moved = self._dice.randrange(len(ordered))
            ordered = ordered[moved:] + ordered[:moved]
        return ordered

    async def _serve(
        self,
        endpoint: str,
        incoming: Incoming,
        read: Callable[[Pairs], _T],
        accept: Callable[[_T], Awaitable[Reply]],
    ) -> Reply:
        """Judge, write down, and answer after the latency."""
        reply = await self._judge(incoming, read, accept)
        status = 0 if reply.is_dropped else reply.means or reply.status
        self.counts[f"{endpoint} {status or 'dropped'}"] += 1
        self.log.append((self.now_ms(), endpoint, status))
        if not self.options.keeps_alive:
            reply = replace(reply, headers={**reply.headers, "Connection": "close"})
        jitter_ms = self.options.latency_jitter_ms * self._dice.random()
        await asyncio.sleep((self.options.latency_ms + jitter_ms) / 1000 + reply.stall_s)
        return reply

    async def _judge(
        self,
        incoming: Incoming,
        read: Callable[[Pairs], _T],
        accept: Callable[[_T], Awaitable[Reply]],
    ) -> Reply:
        options = self.options
        now_s = time.monotonic()
        if not self._bucket.take(now_s, rate_per_s=options.rate_per_s, burst=options.burst):
            return self._busy()
        try:
            query = read_pairs(incoming.query)
            if find_token(query, incoming) != options.token:
                return Reply(200 if options.token_error_200 else 401, {"error": "invalid token"})
            request = read(query)
        except Refused as refused:
            return Reply(400, {"error": str(refused)})
        if options.alphanames and not find_senders(request) <= set(options.alphanames):
            return Reply(200, {"error": "Wrong alphaname: it does not exist here"})
        return await self._play(request, accept)

    async def _play(self, request: _T, accept: Callable[[_T], Awaitable[Reply]]) -> Reply:
        """Accept a request that keeps the contract, unless its fault forbids it."""
        options = self.options
        phones, dice = list(find_phones(request)), self._dice.random()
        named = phones if options.magic else ()
        fault = find_fault(named, self._played, options.fault_shares, dice)
        if fault is Fault.BUSY:
            return self._busy()
        if fault is not None and fault not in AFTER_ACCEPTING:
            return _REPLIES[fault]
        reply = await accept(request)
        if fault is not None:
            self.book.doubtful.update(phones)
        if fault is Fault.STALL:
            return replace(reply, stall_s=options.stall_s, is_dropped=not options.stall_s)
        return _REPLIES[fault] if fault else reply

    def _busy(self) -> Reply:
        if self.options.says_busy_in_words:
            return Reply(200, {"error": "Too many requests. Try again later"}, means=429)
        after_s = self.options.retry_after_s
        headers = {} if after_s is None else {"Retry-After": f"{after_s:g}"}
        return Reply(429, {"error": "request limit exceeded"}, headers=headers)

    async def _post_receipts(self, url: str, messages: Sequence[Message]) -> None:
        options = self.options
        if self._dice.random() < options.receipt_lost_share:
            return
        content_type, body = write_receipt(messages, options.receipt_shape)
        for _ in range(options.receipt_repeat):
            jitter_s = options.receipt_jitter_s * self._dice.random()
            await asyncio.sleep(options.receipt_after_s + jitter_s)
            answered = await post_receipt(url, content_type, body)
            self.counts[f"receipt {'answered' if answered else 'given up'}"] += 1

    def now_ms(self) -> int:
        """Milliseconds since the start, the log's clock."""
        return round((time.monotonic() - self._started_at_s) * 1000)
