"""Starlette: the queue for the life of the app, and a route for the webhook.

    app = Starlette(routes=[webhook_route("/sms-events", handle)], lifespan=lifespan())

In:  settings, requests. Out: an `AsyncSmsQueue`; events of the webhook, each to a handler.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

try:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.routing import Route
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] != "starlette":
        raise
    raise ImportError(
        "smsq.contrib.starlette needs Starlette, which is not installed: pip install starlette"
    ) from None

from smsq.async_queue.queue import AsyncSmsQueue
from smsq.errors import WebhookError
from smsq.events.events import Event
from smsq.events.receiving import parse_webhook
from smsq.frames import guarded_function
from smsq.settings import Settings

__all__ = ["get_queue", "lifespan", "read_webhook", "webhook_route"]


def lifespan(
    settings: Settings | None = None, *, needs_sender: bool = True
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Make the app's `lifespan`: the queue is made when the app starts and closed when it ends.

    An app that has a lifespan of its own enters this one there:

        async with smsq.contrib.starlette.lifespan()(app):
            yield

    Args:
        settings: None: the environment's, read when the app starts; it does not start where they
            are wrong (`ConfigError`).
        needs_sender: False where every call names its sender; else the environment must name one.
    """

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        found = settings or Settings.from_env(needs_sender=needs_sender)
        async with AsyncSmsQueue(settings=found) as queue:
            app.state.smsq = queue
            try:
                yield
            finally:
                del app.state.smsq

    return run


def get_queue(connection: HTTPConnection) -> AsyncSmsQueue:
    """Return the queue of the app that a request or a WebSocket came to.

    Raises:
        RuntimeError: The app was not started with `lifespan`.
    """
    queue: object = getattr(connection.app.state, "smsq", None)
    if not isinstance(queue, AsyncSmsQueue):
        raise RuntimeError("smsq: give the app lifespan=lifespan() from smsq.contrib")  # noqa: TRY004 - the app's state
    return queue


@guarded_function
async def read_webhook(request: Request) -> list[Event]:
    """Read the events of a request, which `smsq web` has posted.

    Answer with 204 when you have handled them all; after any other status all of them come again.

    Raises:
        HTTPException: 403: no signature fits `SMSQ_WEBHOOK_SECRET`.
        ConfigError: SMSQ_WEBHOOK_SECRET is not set.
    """
    secrets = get_queue(request).settings.webhook_secrets
    try:
        return parse_webhook(await request.body(), request.headers, secrets)
    except WebhookError as error:
        raise HTTPException(403, error.code) from None


def webhook_route(path: str, handle: Callable[[Event], Awaitable[object]]) -> Route:
    """Make a route that hands each posted event to `handle`, and answers 204.

    Args:
        path: As of a Starlette route.
        handle: Called with one event after the other. Where it raises, the answer is 500, and all
            events of the post come again: it may see one twice, with the same `id`.
    """

    async def take(request: Request) -> Response:
        for event in await read_webhook(request):
            await handle(event)
        return Response(status_code=204)

    return Route(path, take, methods=["POST"])
