"""The receiver of receipts, with a bare `/healthz`; beside it the admin side and the courier.

In:  `POST /receipts/<job id>/<signature>` from the gateway. Out: message ids in the ledger.

A call whose signature does not fit its job gets 404 and changes nothing. An authentic one is never
answered with an error because of its shape: what cannot be read is kept raw.
"""

from __future__ import annotations

import asyncio
import logging.config
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import uvicorn
from redis import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from config.log_setup import begin, find_options
from config.settings import load_settings, refuse
from smsq.campaigns.draft import MOST_MESSAGES
from smsq.delivery.matching import Matching
from smsq.delivery.polls import Polls
from smsq.errors import NotFoundError
from smsq.gateway.http.encodings import unpack
from smsq.gateway.receipts import good_until_s, is_signed
from smsq.intake.mistakes import MAX_NAME
from smsq.records.jobs import PollPlan
from smsq.settings import Settings
from smsq.store.agreement import Agreement
from smsq.store.clock import ledger_time
from smsq.store.connection import PRODUCER_TIMEOUT_S, connect_for
from smsq.store.fitness import try_write
from smsq.store.keys import Keys
from smsq.store.refusals import say
from smsq.store.scripts import Scripts
from worker.courier import courier_at_work
from worker.page.serving import admin_at_work
from worker.receipt_tally import ReceiptTally, Turned
from worker.refusal import MAX_LINGERING, Refusal
from worker.requirements import require_ledger

log = logging.getLogger(__name__)

#: A receipt names every message of its job, and may write each letter of a name as \\u0441; beside
#: it stand an id and some words. A small one may say more.
NAME_BYTES, ENTRY_BYTES, LEAST_BODY_BYTES = 6, 200, 256 * 1024

#: A body that takes longer than this to arrive is dropped.
BODY_TIMEOUT_S = 10.0

#: Connections at once; more are answered 503 at the door. Most systems give a process 1,024 files.
MAX_CONCURRENT = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What the endpoints use."""

    settings: Settings
    redis: Redis
    scripts: Scripts
    matching: Matching
    tally: ReceiptTally
    fitness: str

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Build from settings; the connection is made when first used."""
        redis = connect_for(settings, timeout_s=PRODUCER_TIMEOUT_S)
        scripts = Scripts.of(redis, settings)
        polls = Polls(scripts, timezone=settings.timezone)
        return cls(
            settings=settings,
            redis=redis,
            scripts=scripts,
            matching=Matching(scripts, polls, PollPlan.of(settings)),
            tally=ReceiptTally(scripts),
            fitness=scripts.keys.fitness,
        )

    @property
    def max_body_bytes(self) -> int:
        """Longest receipt for the largest job that the settings allow."""
        messages = min(self.settings.bulk_max_recipients, MOST_MESSAGES)
        return max(LEAST_BODY_BYTES, messages * (NAME_BYTES * MAX_NAME + ENTRY_BYTES))

    def try_to_store(self) -> None:
        """Write something; also look whether a newer version wrote the ledger.

        Raises:
            RedisError: Receipts cannot be stored.
        """
        try_write(self.redis, self.fitness)
        self.scripts.look_at_format()

    def store(self, job_id: str, signature: str, body: bytes, content_type: str | None) -> int:
        """Store an authentic receipt; returns how many message ids it taught.

        Raises:
            NotFoundError: The address was good once, or there is no such job.
        """
        if ledger_time(self.redis, Keys(self.settings.namespace)).now_s > good_until_s(signature):
            raise NotFoundError(f"the address for receipts of job {job_id} is too old")
        return self.matching.take_receipt(job_id, body, content_type)


async def receive(request: Request) -> Response:
    """Take a receipt whose signature fits its job."""
    receiver: Receiver = request.app.state.receiver
    job_id, signature = request.path_params["job_id"], request.path_params["signature"]
    secrets = receiver.settings.callback_secrets
    # How old it may be is a matter of the ledger's clock; nothing else is asked for a forged one.
    if not any(is_signed(job_id, signature, secret, now_s=0) for secret in secrets):
        receiver.tally.add(Turned.FORGED)
        return Refusal("not found", 404)
    body = await read_body(request, receiver.max_body_bytes)
    if isinstance(body, Response):
        facts = {"job": job_id, "http_status": body.status_code}
        log.warning("receipt refused job=%(job)s: %(http_status)d", facts)
        receiver.tally.add(Turned.REFUSED)
        return body
    content_type = request.headers.get("content-type")
    try:
        learnt = await run_in_threadpool(receiver.store, job_id, signature, body, content_type)
    except NotFoundError:
        receiver.tally.add(Turned.LATE)
        return Refusal("not found", 404)
    except RedisError as error:
        # The gateway may try again; polling finds out without it.
        facts = {"job": job_id, "why": say(error)}
        log.warning("receipt not stored job=%(job)s: %(why)s", facts, extra={"repeats": "receipt"})
        return PlainTextResponse("try again later\n", status_code=503)
    facts = {"job": job_id, "message_ids": learnt}
    log.info("<- receipt job=%(job)s message_ids=%(message_ids)d", facts)
    return JSONResponse({"ok": True})


async def healthz(request: Request) -> Response:
    """Say whether receipts can be stored, and no more: anybody may ask."""
    receiver: Receiver = request.app.state.receiver
    try:
        await run_in_threadpool(receiver.try_to_store)
    except RedisError as error:
        log.warning("receipts cannot be stored: %s", say(error), extra={"repeats": "healthz"})
        return JSONResponse({"ok": False}, status_code=503)
    return JSONResponse({"ok": True})


def make_app(receiver: Receiver) -> Starlette:
    """Make the web app around a receiver."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await receiver.tally.end()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/receipts/{job_id}/{signature}", receive, methods=["POST"]),
            Route("/healthz", healthz),
        ],
    )
    app.state.receiver = receiver
    app.state.lingering = asyncio.Semaphore(MAX_LINGERING)
    return app


async def read_body(request: Request, most_bytes: int) -> bytes | Response:
    """Read a body within its bounds, or say which bound it passed."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > most_bytes:
        return Refusal("body too large", 413)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_bytes:
                    return Refusal("body too large", 413)
    except (TimeoutError, ClientDisconnect):
        return Refusal("body too slow", 408)
    unpacked = unpack(bytes(body), request.headers.get("content-encoding"), most_bytes)
    return Refusal("body too large", 413) if unpacked is None else unpacked


def main() -> None:
    """Serve on `$HOST:$PORT`, by default on loopback, and operators on SMSQ_ADMIN_LISTEN."""
    begin("web")
    settings = load_settings(needs_webhook=True, needs_page=True)
    port = int(os.environ.get("PORT", "8080"))
    if port and port == settings.admin_listen.port:
        refuse([f"SMSQ_ADMIN_LISTEN and PORT are both {port}: write another for one of them"])
    require_ledger(settings, waits=False)
    receiver = Receiver.build(settings)
    with admin_at_work(settings), courier_at_work(settings):
        Agreement(receiver.scripts, settings, role="web").keep_looking(threading.Event())
        uvicorn.run(
            make_app(receiver),
            host=os.environ.get("HOST", "127.0.0.1"),
            port=port,
            log_config=find_options(),
            # Its lines would hold the signatures.
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONCURRENT,
            timeout_graceful_shutdown=5,
        )


if __name__ == "__main__":
    main()
