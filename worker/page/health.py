"""`/metrics` and the detailed `/healthz`, for programs that watch.

In:  the ledger. Out: numbers; no phone, text or id. Beyond loopback a reader's name and password.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from smsq.environment.version import read_version
from smsq.errors import SmsqError
from smsq.events.webhooks import Webhooks
from smsq.rings.presence import DEAF_AFTER_S, read_presence
from smsq.rings.ticks import LATE_BEAT_S
from smsq.status.views import Views
from smsq.store.fitness import try_write
from smsq.store.refusals import say
from worker.metrics import render
from worker.observation import observe
from worker.page.frame import Services
from worker.page.gate import Gate

#: A gate that opens by itself within this time is no reason to wake anybody.
LONG_CLOSED_S = 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """Asks whether all is well."""

    services: Services

    def examine(self) -> dict[str, Any]:
        """Say how everything is: `ok` is False where somebody should look.

        Raises:
            RedisError: Redis does not answer, or takes no writes.
        """
        settings, redis, keys = (
            self.services.settings,
            self.services.redis,
            self.services.scripts.keys,
        )
        try_write(redis, keys.fitness)
        self.services.scripts.look_at_format()
        views = Views(redis, keys)
        beat_age_s = views.heartbeat_age_s()
        has_beat = beat_age_s is not None and beat_age_s <= LATE_BEAT_S
        workers = sum(age_s <= DEAF_AFTER_S for age_s in read_presence(redis, keys).values())
        closed_for_s = views.stats(settings.rate_per_s, settings.words).rate.closed_for_s
        parts: dict[str, dict[str, Any]] = {
            "redis": {"ok": True},
            "beat": {"ok": has_beat, "age_s": beat_age_s},
            "workers": {"ok": workers > 0, "alive": workers},
            "gate": {
                "ok": closed_for_s <= LONG_CLOSED_S,
                # JSON has no infinity: a pause has no end.
                "closed_for_s": None if math.isinf(closed_for_s) else round(closed_for_s, 3),
                "paused": math.isinf(closed_for_s),
            },
        }
        if settings.webhook_url:
            hooks = Webhooks(self.services.scripts, url=settings.webhook_url)
            parts["webhook"] = {"ok": not hooks.has_ended(), "waiting": hooks.count_waiting()}
        is_well = all(part["ok"] for part in parts.values())
        return {"ok": is_well, "version": read_version(), **parts}


async def healthz(request: Request) -> Response:
    """Say how everything is; 503 where somebody should look."""
    if refused := await refuse(request):
        return refused
    health: Health = request.app.state.health
    try:
        told = await run_in_threadpool(health.examine)
    except (RedisError, SmsqError) as error:
        why = say(error) if isinstance(error, RedisError) else str(error)
        told = {"ok": False, "version": read_version(), "redis": {"ok": False, "why": why}}
    return JSONResponse(told, 200 if told["ok"] else 503)


async def metrics(request: Request) -> Response:
    """Give the ledger's numbers to Prometheus."""
    if refused := await refuse(request):
        return refused
    services: Services = request.app.state.services
    try:
        seen = await run_in_threadpool(observe, services.scripts, services.settings)
    except RedisError:
        return PlainTextResponse("Redis does not answer\n", status_code=503)
    return Response(render(seen), media_type="text/plain; version=0.0.4")


async def refuse(request: Request) -> Response | None:
    """Answer a program that may not ask; None for one that may."""
    services: Services = request.app.state.services
    if services.settings.admin_listen.is_loopback:
        return None
    gate: Gate = request.app.state.gate
    try:
        found = await gate.check_basic(request)
    except RedisError:
        return PlainTextResponse("Redis does not answer\n", status_code=503)
    if found.user:
        return None
    if found.wait_s:
        headers = {"Retry-After": str(max(1, round(found.wait_s)))}
        return PlainTextResponse("too many attempts\n", status_code=429, headers=headers)
    headers = {"WWW-Authenticate": 'Basic realm="smsq", charset="UTF-8"'}
    return PlainTextResponse(
        "write the name and password of a reader\n", status_code=401, headers=headers
    )
