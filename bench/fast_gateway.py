"""A gateway that costs next to nothing: it answers every request alike, after a fixed time.

In:  HTTP/1.1 requests, kept alive. Out: an acceptance of the kind that was asked for, each with an
id of its own. For each line on its stdin, the number of requests so far; at its end one line of
JSON: requests, connections, CPU seconds.

It checks nothing. The simulator does that, and costs as much as what is measured here. With
`uvloop` installed it uses it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

_ANSWERS = {
    b"quick": b'{"sms_id": %010d, "status": "NEW", "parts": 1}',
    b"bulk": b'{"uuid": "cc9c8043-8caf-11ef-b035-9e8f47954dec", "success": "OK"}',
    b"reports": b'{"result": [{"phone": 375293332211, "status": "delivered", '
    b'"d_sent": "2021-03-22 11:32:32"}]}',
}
#: As a common server writes them; a client has to read its headers too.
_HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 26 Nov 2026 06:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n"
)
_WHOLE = {
    kind: _HEAD % len(body.replace(b"%010d", b"0" * 10)) + body for kind, body in _ANSWERS.items()
}

#: Ids have ten digits, so that all answers are of one length.
_FIRST_ID = 1_000_000_000


@dataclass(slots=True)
class Book:
    """What was asked."""

    requests: int = 0
    connections: int = 0


@dataclass(slots=True)
class FastGateway:
    """A gateway in a process of its own; `tally` is there once it has stopped."""

    url: str
    process: subprocess.Popen[str]
    tally: dict[str, float] = field(default_factory=dict)

    def count(self) -> int:
        """How many requests it has had."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


class _Connection(asyncio.Protocol):
    def __init__(self, book: Book, delay_s: float) -> None:
        self._book = book
        self._delay_s = delay_s
        self._held = b""
        self._write: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._book.connections += 1
        self._write = transport.write  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (whole := _take(self._held)) is not None:
            request, self._held = self._held[:whole], self._held[whole:]
            self._book.requests += 1
            kind = _kind(request)
            answer = _WHOLE[kind]
            if kind == b"quick":
                answer %= _FIRST_ID + self._book.requests
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._write, answer)
            else:
                self._write(answer)


def _take(held: bytes) -> int | None:
    """Say how long the first request is; None while it is not whole."""
    end = held.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = held[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return end + 4 + length if len(held) >= end + 4 + length else None


def _kind(request: bytes) -> bytes:
    target = request.split(b" ", 2)[1]
    if b"sendQuickSMS" in target:
        return b"quick"
    return b"bulk" if b"sendBulkSms" in target else b"reports"


@contextmanager
def fast_gateway(*, delay_ms: float) -> Iterator[FastGateway]:
    """Run one during the block."""
    command = [sys.executable, "-m", "bench.fast_gateway", "--delay-ms", str(delay_ms)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C is for us, who close its stdin
    )
    assert process.stdout is not None
    made = FastGateway(f"http://127.0.0.1:{int(process.stdout.readline())}", process)
    try:
        yield made
    finally:
        said, _ = process.communicate()  # closes its stdin, which ends it
        made.tally.update(json.loads(said))


async def serve(delay_s: float) -> Book:
    """Serve until stdin is closed."""
    book = Book()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(book, delay_s), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(book.requests, flush=True)
    server.close()
    return book


def main() -> None:
    """Print the port, serve, print the tally."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=20.0, help="from a request to its answer")
    delay_s = parser.parse_args().delay_ms / 1000
    try:
        run = import_module("uvloop").run
    except ImportError:
        run = asyncio.run
    book = run(serve(delay_s))
    tally = {"requests": book.requests, "connections": book.connections}
    print(json.dumps({**tally, "cpu_s": round(time.process_time(), 3)}))


if __name__ == "__main__":
    main()
