"""Headers of every answer of the admin side: nothing is framed, guessed, kept, or from elsewhere.

In:  an ASGI app. Out: the same, with its headers.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Scripts, styles and pictures are files of ours; forms are posted to us alone.
POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{what} 'self'" for what in ("script-src", "style-src", "img-src", "connect-src")),
        *("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"),
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: then browsers post forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex",
}


#: As they are sent; an answer of ours has none of them yet.
_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_NOT_KEPT = [(b"cache-control", b"no-store")]


class Headers:
    """Adds the headers, whatever the answer is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                is_kept = any(name == b"cache-control" for name, _ in given)
                message["headers"] = [*given, *_RAW, *([] if is_kept else _NOT_KEPT)]
            await send(message)

        await self._app(scope, receive, send_with_headers)
