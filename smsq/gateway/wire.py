"""The gateway's contract as data: what each call sends and what each answer means. Pure.

In:  requests of ours, answers of the gateway. Out: calls to make; typed results or `GatewayError`s.

Readers return errors instead of raising them: an error raised in here would carry frames that hold
texts and phones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    RefusedError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.reasons import clean_reason, find_reason, read_retry_after_s
from smsq.models import (
    BulkAccepted,
    MessageRequest,
    QuickAccepted,
    QuickRequest,
    ReportRow,
)

#: DESIGN's table of answers: what a status means, whatever the body says. 408 says that the request
#: did not arrive whole. A status in no row is judged by its hundred.
ANSWERS: Mapping[int, type[GatewayError]] = MappingProxyType(
    {
        401: MisconfiguredError,
        403: MisconfiguredError,
        404: MisconfiguredError,
        408: TemporaryError,
        429: BusyError,
    }
)
ANSWERS_BY_HUNDRED: Mapping[int, type[GatewayError]] = MappingProxyType(
    {
        2: UnknownOutcomeError,  # 200 itself is read; another 2xx is not in the contract
        3: MisconfiguredError,  # redirects are not followed: our address is wrong
        4: RefusedError,
        5: TemporaryError,
    }
)

#: Words by which an error in a body speaks of our token.
TOKEN_WORDS = ("invalid token", "wrong token", "token is invalid", "unknown token", "token expired")

OK = 200

#: Largest answer to a send, and what a page may take beside its rows.
SEND_MAX_BYTES = 64 * 1024
ROW_MAX_BYTES = 400
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the gateway, without its token.

    Attributes:
        query: Beside the token, where the token goes in the query.
        form: Body as a form; None for none.
        document: Body as JSON, the token in it; None for none.
        max_bytes: Largest answer that is read.
        secrets: Texts and phones that no error may repeat.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    document: Mapping[str, Any] | None = field(default=None, repr=False)
    max_bytes: int = SEND_MAX_BYTES
    secrets: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status, and a body that may be missing or cut."""

    status: int
    retry_after: str | None = None
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One page of getSmsDeliveryList.

    Attributes:
        rows: The rows that could be read.
        row_count: Rows the gateway sent; a page with fewer than asked for is the last.
    """

    rows: Sequence[ReportRow]
    row_count: int


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
        secrets=tuple(texts),
    )


def report_call(message_id: int, *, offset: int, rows: int) -> Call:
    """Write a getSmsDeliveryList."""
    return Call(
        method="GET",
        path="/api/v1/getSmsDeliveryList",
        query={
            "message_id": str(message_id),
            "limit_offset": str(offset),
            "limit_rows": str(rows),
        },
        max_bytes=SEND_MAX_BYTES + rows * ROW_MAX_BYTES,
    )


def read_quick(answer: Answer) -> QuickAccepted | GatewayError:
    """Read the answer to a sendQuickSMS."""
    document = read_success(answer)
    if isinstance(document, GatewayError):
        return document
    sms_id = read_id(document.get("sms_id"))
    if sms_id is None:
        return UnknownOutcomeError("200 without sms_id", status=OK)
    # The id proves acceptance; odd words beside it do not undo it.
    return QuickAccepted(
        sms_id, str(document.get("status", ""))[:40], read_id(document.get("parts")) or 0
    )


def read_bulk(answer: Answer) -> BulkAccepted | GatewayError:
    """Read the answer to a sendBulkSms."""
    document = read_success(answer)
    if isinstance(document, GatewayError):
        return document
    uuid = document.get("uuid")
    if not isinstance(uuid, str) or not 0 < len(uuid) <= 100:  # noqa: PLR2004 - any uuid is shorter
        return UnknownOutcomeError("200 without uuid", status=OK)
    return BulkAccepted(uuid)


def read_reports(answer: Answer) -> ReportPage | GatewayError:
    """Read a page of reports. Asking again is harmless, so nothing is ever unknown here."""
    document = read_success(answer)
    if isinstance(document, UnknownOutcomeError):
        return TemporaryError(document.reason, status=document.status)
    if isinstance(document, GatewayError):
        return document
    result = document.get("result")
    if not isinstance(result, list):
        return TemporaryError("200 without a list of results", status=OK)
    rows = [row for row in map(_read_row, result) if row]
    return ReportPage(rows, len(result))


def read_success(answer: Answer) -> Mapping[str, Any] | GatewayError:
    """Read a 200 as a JSON object, or say what kind of failure it is."""
    document = _read_json(answer.body)
    reason = find_reason(document)
    if reason and any(word in reason.lower() for word in TOKEN_WORDS):
        return MisconfiguredError(reason, status=answer.status)
    if answer.status == OK and isinstance(document, dict):
        return RefusedError(reason, status=OK) if document.get("error") else document
    return _failure(answer, reason)


def _failure(answer: Answer, reason: str) -> GatewayError:
    kind = ANSWERS.get(answer.status) or ANSWERS_BY_HUNDRED.get(
        answer.status // 100, UnknownOutcomeError
    )
    said = f"{answer.status}: {reason}" if reason else str(answer.status)
    if kind is UnknownOutcomeError:
        return UnknownOutcomeError(f"unreadable answer {said}", status=answer.status)
    if kind is BusyError or kind is TemporaryError:
        retry_after_s = read_retry_after_s(answer.retry_after)
        return kind(said, status=answer.status, retry_after_s=retry_after_s)
    return kind(said, status=answer.status)


def redact(error: GatewayError, secrets: Sequence[str]) -> GatewayError:
    """Take out of an error's reason what nobody may see."""
    error.reason = clean_reason(error.reason, secrets)
    error.args = (error.reason,)
    return error


def read_id(value: object) -> int | None:
    """Read an id written as a number or as digits; None when it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:  # noqa: PLR2004 - 2**63 has 19
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 1 <= value <= _LARGEST_ID else None


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


def _read_row(row: object) -> ReportRow | None:
    if not isinstance(row, dict) or not isinstance(row.get("status"), str):
        return None
    phone, d_sent = row.get("phone"), row.get("d_sent")
    if isinstance(phone, bool) or not isinstance(phone, int | str):
        return None
    digits = str(phone).removeprefix("+")
    if not digits.isascii() or not digits.isdigit():
        return None
    return ReportRow(digits, row["status"], d_sent if isinstance(d_sent, str) else None)


def _read_json(body: bytes | None) -> object:
    if body is None:
        return None
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
