"""The simulator over HTTP: the gateway's endpoints, the book, and a control to change options.

In:  HTTP. Out: the replies of `Gateway`; a dropped one closes the connection without an answer.

`/book...` and `/control` are open on loopback; elsewhere they ask for the token as a bearer token.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from smsq.simulator.gateway import Gateway, Reply
from smsq.simulator.http_messages import Incoming, dress
from smsq.simulator.options import change

_transports: dict[tuple[str, int], asyncio.Transport] = {}


class DroppableProtocol(H11Protocol):
    """uvicorn's protocol, with its connections within reach, so that they can be cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        _transports[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client is not None:
            _transports.pop(self.client, None)
        super().connection_lost(exc)


class TokenOnly:
    """Lets nobody see the book or change options without the gateway's token."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass on."""
        headers = dict(scope.get("headers", ()))
        wanted = f"Bearer {self._gateway.options.token}".encode()
        is_page = not str(scope.get("path", "")).startswith("/api/")
        if is_page and not hmac.compare_digest(headers.get(b"authorization", b""), wanted):
            answer = JSONResponse({"error": "write Authorization: Bearer and the token"}, 401)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def make_app(gateway: Gateway, *, is_open: bool = True) -> Starlette:
    """Make the web app around a gateway; unless it is open, its book asks for the token."""
    app = Starlette(
        middleware=[] if is_open else [Middleware(TokenOnly, gateway=gateway)],
        routes=[
            _endpoint("/api/v1/sendQuickSMS", "POST", gateway.send_quick),
            _endpoint("/api/v1/sendBulkSms", "POST", gateway.send_bulk),
            _endpoint("/api/v1/getSmsDeliveryList", "GET", gateway.list_reports),
            Route("/book", show_book),
            Route("/book/accepted", show_accepted),
            Route("/book/times", show_times),
            Route("/book/doubtful", show_doubtful),
            Route("/book/states", show_states),
            Route("/book/messages/{message_id:int}", show_message),
            Route("/book/requests", show_requests),
            Route("/book/reset", reset_book, methods=["POST"]),
            Route("/control", change_options, methods=["POST"]),
        ],
    )
    app.state.gateway = gateway
    return app


def _endpoint(path: str, method: str, serve: Callable[[Incoming], Awaitable[Reply]]) -> Route:
    async def handle(request: Request) -> Response:
        body = await request.body() if method == "POST" else b""
        content_type = request.headers.get("content-type", "")
        reply = await serve(Incoming(request.url.query, content_type, body))
        if reply.is_dropped:
            return await _drop(request)
        if reply.html is not None:
            return HTMLResponse(reply.html, status_code=reply.status, headers=reply.headers)
        options = request.app.state.gateway.options
        content, headers = dress(reply.document, options)
        return Response(content, status_code=reply.status, headers={**headers, **reply.headers})

    return Route(path, handle, methods=[method])


async def _drop(request: Request) -> Response:
    """Cut the connection; what is answered afterwards goes nowhere."""
    transport = _transports.get(request.client or ("", 0))
    if transport is not None:
        transport.abort()
    # uvicorn must notice before it is given something to send.
    await asyncio.sleep(0.01)
    return Response()


async def show_book(request: Request) -> Response:
    """Count requests by endpoint and status, and what was accepted, doubled ones by name."""
    gateway: Gateway = request.app.state.gateway
    return JSONResponse({"requests": dict(gateway.counts), **gateway.book.summary()})


async def show_accepted(request: Request) -> Response:
    """List `[phone, text, times]` of everything accepted."""
    book = request.app.state.gateway.book
    return JSONResponse([[*pair, times] for pair, times in book.accepted.items()])


async def show_times(request: Request) -> Response:
    """Show when each phone was accepted last, in seconds since 1970; `?phone=`: of one alone."""
    messages = request.app.state.gateway.book.messages.values()
    phone = request.query_params.get("phone")
    if phone:
        # The newest first: who asks for one has just sent to it.
        newest = next((m for m in reversed(messages) if phone in m.phones), None)
        return JSONResponse({phone: newest.accepted_at_s} if newest else {})
    return JSONResponse({phone: m.accepted_at_s for m in messages for phone in m.phones})


async def show_doubtful(request: Request) -> Response:
    """List the phones of accepted messages whose answers did not say so."""
    return JSONResponse(sorted(request.app.state.gateway.book.doubtful))


async def show_states(request: Request) -> Response:
    """Show every message's recipients with the gateway's word now."""
    gateway: Gateway = request.app.state.gateway
    return JSONResponse(gateway.book.states(gateway.time_s(), gateway.options))


async def show_message(request: Request) -> Response:
    """Show one message and its report rows."""
    gateway: Gateway = request.app.state.gateway
    message = gateway.book.messages.get(request.path_params["message_id"])
    if message is None:
        return JSONResponse({"error": "message_id is not known"}, status_code=404)
    rows = gateway.book.rows(message, message.phones, gateway.time_s(), gateway.options)
    return JSONResponse({"name": message.name, "uuid": message.uuid, "rows": rows})


async def show_requests(request: Request) -> Response:
    """List `[ms since start, endpoint, status]`, 0 for a dropped one; `?since=ms`."""
    gateway: Gateway = request.app.state.gateway
    since = request.query_params.get("since", "0")
    if not since.isdecimal():
        return JSONResponse({"error": "since must be milliseconds"}, status_code=400)
    since_ms = int(since)
    rows = [row for row in gateway.log if row[0] >= since_ms]
    return JSONResponse({"now_ms": gateway.now_ms(), "requests": rows})


async def reset_book(request: Request) -> Response:
    """Forget everything but the options."""
    request.app.state.gateway.reset()
    return JSONResponse({"ok": True})


async def change_options(request: Request) -> Response:
    """Change options by name."""
    gateway: Gateway = request.app.state.gateway
    try:
        changes: Any = await request.json()
        gateway.options = change(gateway.options, dict(changes))
    except (ValueError, TypeError) as mistake:
        return JSONResponse({"error": str(mistake)}, status_code=400)
    return JSONResponse({"ok": True})
