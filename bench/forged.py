"""500 forged receipts at once, and what others notice of them: `python -m bench.forged`.

In:  nothing. Out: one table. The forgers run in a process of their own; meanwhile genuine receipts
are posted one after another, each over a connection of its own, as a gateway does.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from bench.harness import Bed, Row, bed, phone, show
from smsq.gateway.receipts import receipt_url
from smsq.models import BulkMessage

FORGED, VICTIMS = 500, 50

#: What a forger posts, and what may come of it.
KINDS = (
    "no signature",
    "wrong signature",
    "another job's signature",
    "expired signature",
    "10 MB body",
    "10 MB body, signed",
    "10 MB body in chunks, signed",
    "broken JSON",
    "slow body",
    "slow body, signed",
)
REFUSALS = {404, 413, 408}

#: Kind and status of each.
Answers = list[tuple[str, int]]

TEACHING = json.dumps({"message_id": 666}).encode()
BODIES = {"10 MB": b"x" * 10_000_000, "broken": b'{"message_id": ', "slow": TEACHING.ljust(60)}

#: Between two bytes: so the receiver's patience ends before the slow body does.
SLOW_PAUSE_S = 0.5


def path_of(job: str, secret: str, *, good_for_s: int = 3600) -> str:
    until_s = int(time.time()) + good_for_s
    return urlsplit(receipt_url("http://127.0.0.1", job, secret, until_s=until_s)).path


def forge(kind: str, job: str, other: str, secret: str) -> tuple[str, bytes]:
    """The path and the body of one forged receipt."""
    folder = f"/receipts/{job}/"
    if kind == "no signature":
        return folder, TEACHING
    if kind == "another job's signature":
        return folder + path_of(other, secret).rpartition("/")[2], TEACHING
    if kind == "expired signature":
        return path_of(job, secret, good_for_s=-1), TEACHING
    body = next((made for word, made in BODIES.items() if word in kind), TEACHING)
    if kind.endswith("signed"):
        return path_of(job, secret), body
    return f"{folder}{int(time.time()) + 3600}-{'0' * 64}", body


async def post(port: int, kind: str, path: str, body: bytes) -> int:
    """Post one; returns the answer's status, 0 when there was none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    in_chunks = "chunks" in kind
    length = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(body)}"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: smsq\r\n{length}\r\n\r\n".encode())
    sending = asyncio.create_task(send(writer, kind, body, in_chunks=in_chunks))
    try:
        line = await asyncio.wait_for(reader.readline(), 60)
        return int(line.split()[1]) if line else 0
    except (ConnectionError, TimeoutError):
        return 0
    finally:
        sending.cancel()
        writer.close()


async def send(writer: asyncio.StreamWriter, kind: str, body: bytes, *, in_chunks: bool) -> None:
    """Send a body as the kind of forger does; the receiver may hang up meanwhile."""
    with suppress(ConnectionError):
        if "slow" in kind:
            for byte in body:
                writer.write(bytes([byte]))
                await asyncio.sleep(SLOW_PAUSE_S)
            return
        for start in range(0, len(body), 65_536):
            piece = body[start : start + 65_536]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if in_chunks else piece)
            await writer.drain()


def attack(
    port: int, jobs: list[str], secret: str, results: multiprocessing.Queue[Answers]
) -> None:
    """Post all forged receipts at once."""

    async def run() -> list[tuple[str, int]]:
        async def one(n: int) -> tuple[str, int]:
            kind = KINDS[n % len(KINDS)]
            job, other = jobs[n % len(jobs)], jobs[(n + 1) % len(jobs)]
            return kind, await post(port, kind, *forge(kind, job, other, secret))

        return await asyncio.gather(*map(one, range(FORGED)))

    results.put(asyncio.run(run()))


def post_genuine(port: int, job: str, secret: str) -> tuple[int, float]:
    """Post a genuine receipt; returns status and seconds."""
    began_s = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path_of(job, secret), b'{"odd": "but genuine"}')
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - began_s


def digest_of(b: Bed, jobs: list[str]) -> str:
    """A digest of all that the ledger holds of some jobs."""
    found = hashlib.sha256()
    for job in jobs:
        for key in sorted(b.redis.scan_iter(f"smsq:*{job}*", count=1000)):
            found.update(str(key).encode() + (b.redis.dump(str(key)) or b""))
    return found.hexdigest()


def serve_others(
    b: Bed, job: str, secret: str, attackers: multiprocessing.Process
) -> Iterator[tuple[int, float]]:
    """Post genuine receipts until the attack is over."""
    while attackers.is_alive():
        yield post_genuine(b.stack.ports["web"], job, secret)
        time.sleep(0.01)


def forged() -> list[Row]:
    """Attack the receiver of a running deployment."""
    with bed((), workers=0) as b:
        secret = b.stack.environ["SMSQ_CALLBACK_SECRET"]
        campaigns = [
            b.queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=[phone(n)])])
            for n in range(VICTIMS + 1)
        ]
        *jobs, honest = [str(b.redis.lindex(f"smsq:campaign_jobs:{c}", 0)) for c in campaigns]
        calm = [post_genuine(b.stack.ports["web"], honest, secret)[1] for _ in range(200)]
        before = digest_of(b, jobs)
        results: multiprocessing.Queue[Answers] = multiprocessing.Queue()
        attackers = multiprocessing.Process(
            target=attack, args=(b.stack.ports["web"], jobs, secret, results)
        )
        attackers.start()
        served = list(serve_others(b, honest, secret, attackers))
        answers = results.get(timeout=60)
        attackers.join()
        is_same = digest_of(b, jobs) == before
    return [judge(answers, served, calm, is_same=is_same)]


def judge(
    answers: Answers,
    served: list[tuple[int, float]],
    calm: list[float],
    *,
    is_same: bool,
) -> Row:
    statuses = Counter(status for _, status in answers)
    for kind, status in sorted(set(answers)):
        print(f"{kind:32} {status}  x {answers.count((kind, status))}")
    p99_ms = statistics.quantiles([took_s for _, took_s in served], n=100)[98] * 1000
    calm_ms = statistics.quantiles(calm, n=100)[98] * 1000
    bad = sum(status != 200 for status, _ in served)
    return Row(
        f"{len(answers)} forged receipts at once, {len(served)} genuine ones meanwhile",
        0,
        f"{dict(sorted(statuses.items()))}; changed: {'nothing' if is_same else 'SOMETHING'}; "
        f"others: p99 {p99_ms:.0f} ms (without the attack {calm_ms:.0f} ms), {bad} not served",
        "404, 413 or 408 each; nothing; p99 < 100 ms, 0",
        set(statuses) <= REFUSALS and is_same and p99_ms < 100 and not bad,
    )


if __name__ == "__main__":
    sys.exit(0 if show("forged", forged()) else 1)
