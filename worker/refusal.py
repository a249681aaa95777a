"""Refusals that arrive: what the receiver answers to a post that it will not read.

In:  a status and a line of text. Out: the answer at once, then a short reading of the rest.

A server that closes a connection with bytes unread makes the system reset it, and the sender may
never see the answer. One that reads on for as long as it is sent to serves whoever attacks it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

#: Longest reading after an answer, and most bytes.
LINGER_S, LINGER_BYTES = 2.0, 16 * 1024 * 1024

#: Connections read from at once, so that reading for nothing leaves the processor to others, and
#: how long the rest wait for their turn before they are closed unread.
MAX_LINGERING, LINGER_TURN_S = 4, 10.0


class Refusal(PlainTextResponse):
    """An answer that ends the connection; `app.state.lingering` bounds how many are read on."""

    def __init__(self, text: str, status_code: int) -> None:
        super().__init__(f"{text}\n", status_code, {"connection": "close"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, linger, close."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_TURN_S), scope["app"].state.lingering:
                async with asyncio.timeout(LINGER_S):
                    await read_on(receive)
        await send({"type": "http.response.body"})


async def read_on(receive: Receive) -> None:
    """Read the rest of a body, and forget it."""
    left = LINGER_BYTES
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body"):
            return
