"""The gateway's contract as data: what each call sends. Pure.

In:  requests of ours. Out: calls to make, without the token; with it, their bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from smsq.models import MessageRequest, QuickRequest

#: Largest answer, and how much larger it may be for each recipient or row that was asked for: rows
#: may repeat the longest text, six characters for each of its letters. The last one bounds all.
SEND_MAX_BYTES = 64 * 1024
ROW_MAX_BYTES = 5000
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the gateway, without its token.

    Attributes:
        query: Beside the token, where the token goes in the query.
        form: Body as a form; None for none.
        document: Body as JSON, the token in it; None for none.
        max_bytes: Largest answer that is read.
        secrets: Texts and phones that no error may repeat.
        names: Of messages and senders. Errors may name them, but they are not the gateway's words.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    document: Mapping[str, Any] | None = field(default=None, repr=False)
    max_bytes: int = SEND_MAX_BYTES
    secrets: Sequence[str] = field(default=(), repr=False)
    names: Sequence[str] = ()


def quick_call(request: QuickRequest) -> Call:
    """Write a sendQuickSMS: query, and a form where Viber is asked for."""
    form = None
    if request.viber:
        form = {
            "forwarding_message": "1",
            "forwarding_time": str(request.viber.after_min),
            "vibername_id": str(request.viber.name_id),
        }
    return Call(
        method="POST",
        path="/api/v1/sendQuickSMS",
        query={
            "message": request.text,
            "phone": request.phone,
            "alphaname_id": request.alphaname_id,
        },
        form=form,
        secrets=(request.text, request.phone),
        names=(request.alphaname_id,),
    )


def bulk_call(messages: Sequence[MessageRequest], callback_url: str) -> Call:
    """Write a sendBulkSms: everything in a JSON body."""
    texts = {t for m in messages for t in (m.text, *m.recipients.values()) if t}
    return Call(
        method="POST",
        path="/api/v1/sendBulkSms",
        document={
            "callback_url": callback_url,
            "messages": [_message_document(message) for message in messages],
        },
        max_bytes=_answer_bytes(sum(len(m.recipients) for m in messages)),
        secrets=tuple(texts),
        names=tuple({name for m in messages for name in (m.name, m.alphaname_id)}),
    )


def report_call(message_id: int, *, offset: int, rows: int, size: int = 0) -> Call:
    """Write a getSmsDeliveryList.

    Args:
        message_id: The gateway's id.
        offset: First row.
        rows: Most rows.
        size: Recipients of the message: a gateway that knows no pages gives them all.
    """
    return Call(
        method="GET",
        path="/api/v1/getSmsDeliveryList",
        query={
            "message_id": str(message_id),
            "limit_offset": str(offset),
            "limit_rows": str(rows),
        },
        max_bytes=_answer_bytes(max(rows, size)),
    )


def _answer_bytes(rows: int) -> int:
    return min(MOST_BYTES, SEND_MAX_BYTES + rows * ROW_MAX_BYTES)


def write(call: Call, token: str, *, origin: str, headers: str) -> bytes:
    """Write a call as it goes out.

    Args:
        call: What to ask.
        token: The gateway's API key.
        origin: Stands before the path where a proxy has to know it; else "".
        headers: Lines that every request has.

    Raises:
        ValueError: A text or a number cannot be written.
    """
    target, body, more = call.path, "", ""
    if call.document is not None:
        body = json.dumps({"token": token, **call.document}, allow_nan=False)
        more = "Content-Type: application/json\r\n"
    else:
        target += "?" + urlencode({"token": token, **call.query})
    if call.form is not None:
        body = urlencode(call.form)
        more = "Content-Type: application/x-www-form-urlencoded\r\n"
    if call.method != "GET":
        more += f"Content-Length: {len(body)}\r\n"
    return f"{call.method} {origin}{target} HTTP/1.1\r\n{headers}{more}\r\n{body}".encode("ascii")


def _message_document(message: MessageRequest) -> dict[str, Any]:
    document: dict[str, Any] = {"alphaname_id": message.alphaname_id, "name": message.name}
    if message.text is None:
        document["message_type"] = "personal"
        pairs = message.recipients.items()
        document["delivery_list"] = [{"phone": phone, "text": text} for phone, text in pairs]
    else:
        document["message_type"] = "bulk"
        document["text"] = message.text
        document["delivery_list"] = list(message.recipients)
    if message.schedule_time:
        document["schedule_time"] = message.schedule_time
    return document
