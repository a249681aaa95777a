"""Posts receipts of accepted bulk requests to their callback address, on loopback alone.

In:  messages that were accepted. Out: one or more posts, tried again when nobody answers with 2xx.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from smsq.simulator.book import Message
from smsq.simulator.options import ReceiptShape

_TRIES = 5
_PAUSE_S = 0.5
_TIMEOUT_S = 5.0


def write_receipt(messages: Sequence[Message], shape: ReceiptShape) -> tuple[str, bytes]:
    """Write a receipt; returns its content type and body."""
    listed = [{"message_id": m.message_id, "name": m.name} for m in messages]
    document: object = {"uuid": messages[0].uuid, "success": "OK", "messages": listed}
    if shape is ReceiptShape.FORM:
        fields = {"uuid": messages[0].uuid, "success": "OK", "messages": json.dumps(listed)}
        return "application/x-www-form-urlencoded", urlencode(fields).encode()
    if shape is ReceiptShape.NESTED:
        document = {"data": {"response": [{"result": document}]}}
    elif shape is ReceiptShape.BARE_IDS:
        document = {"message_ids": [m.message_id for m in messages]}
    return "application/json", json.dumps(document).encode()


async def post_receipt(url: str, content_type: str, body: bytes) -> bool:
    """Post until somebody answers with 2xx; returns whether somebody did."""
    for attempt in range(_TRIES):
        if attempt:
            await asyncio.sleep(_PAUSE_S * attempt)
        if await asyncio.to_thread(_post, url, content_type, body):
            return True
    return False


def _post(url: str, content_type: str, body: bytes) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"Content-Type": content_type})
        return 200 <= connection.getresponse().status < 300  # noqa: PLR2004 - the 2xx
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
