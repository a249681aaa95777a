"""FastAPI: the queue as a dependency, and the webhook's events as another.

    app = FastAPI(lifespan=lifespan())

    @app.post("/code")
    async def send_code(sms: Sms, phone: str) -> str:
        return await sms.send_quick(phone, "Your code is 4821", priority="urgent")

In:  settings, requests. Out: an `AsyncSmsQueue`; events of the webhook.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

try:
    from fastapi import Depends
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] != "fastapi":
        raise
    raise ImportError(
        "smsq.contrib.fastapi needs FastAPI, which is not installed: pip install 'smsq[fastapi]'"
    ) from None

from smsq.async_queue.queue import AsyncSmsQueue
from smsq.contrib.starlette import get_queue, lifespan, read_webhook
from smsq.events.events import Event

__all__ = ["Sms", "WebhookEvents", "get_queue", "lifespan", "read_webhook"]

#: The app's queue, for a parameter: `async def view(sms: Sms)`.
Sms: TypeAlias = Annotated[AsyncSmsQueue, Depends(get_queue)]

#: What a post of `smsq web` holds, once its signature fits; 403 where none does.
WebhookEvents: TypeAlias = Annotated[list[Event], Depends(read_webhook)]
