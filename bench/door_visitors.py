"""What becomes of visitors while a door opens and shuts: `python -m bench.door_visitors [SECONDS]`.

In:  bench/door.py, opened and shut fifty times a second, and nine visitors that come again and
again. Out: how each visit ended; exit code 1 when a request was written and got no answer, which is
what the chaos row with refusals must never see.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections import Counter
from multiprocessing import Process, Queue

from bench import door
from smsq.cli.running.stack import free_port

ROUND_S, SHUT_SHARE = 0.02, 0.05
#: Whose first packet was ignored comes again sooner than the kernel would.
CONNECT_S = 0.02
ANSWER_S = 5.0
PROCESSES, VISITORS = 3, 3


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request."""
    if await reader.read(1000):
        writer.write(b"answer")
        await writer.drain()
    writer.close()


async def serve(port: int) -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


def run_server(port: int) -> None:
    asyncio.run(serve(port))


def run_door(port: int, upstream: int) -> None:
    door.ROUND_S = ROUND_S
    asyncio.run(door.keep(port, upstream, SHUT_SHARE))


def visit(port: int) -> str:
    """Connect, write, read; says how it ended."""
    has_written = False
    with socket.socket() as visitor:
        visitor.settimeout(CONNECT_S)
        try:
            visitor.connect(("127.0.0.1", port))
            visitor.settimeout(ANSWER_S)
            visitor.sendall(b"request")
            has_written = True
            return "answered" if visitor.recv(100) else "written, hung up on"
        except OSError as error:
            return ("written, " if has_written else "not let in, ") + type(error).__name__


def run_visitors(port: int, seconds: float, found: Queue[Counter[str]]) -> None:
    ends: Counter[str] = Counter()
    until_s = time.monotonic() + seconds

    def come_again() -> None:
        while time.monotonic() < until_s:
            ends[visit(port)] += 1

    threads = [threading.Thread(target=come_again) for _ in range(VISITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.put(ends)


def main(seconds: float) -> int:
    port, upstream = free_port(), free_port()
    found: Queue[Counter[str]] = Queue()
    hosts = [
        Process(target=run_server, args=(upstream,), daemon=True),
        Process(target=run_door, args=(port, upstream), daemon=True),
    ]
    visitors = [Process(target=run_visitors, args=(port, seconds, found)) for _ in range(PROCESSES)]
    for process in (*hosts, *visitors):
        process.start()
    ends = sum((found.get() for _ in visitors), Counter())
    for process in hosts:
        process.terminate()
    print(", ".join(f"{count} {end}" for end, count in ends.most_common()))
    return int(any(end.startswith("written") for end in ends))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 50.0))
