"""The gateway's contract as data: what each answer means. Pure.

In:  answers of the gateway. Out: typed results or `GatewayError`s.

Readers return errors instead of raising them: an error raised in here would carry frames that hold
texts and phones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from types import MappingProxyType
from typing import Any

import orjson

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    RefusedError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.ids import read_id
from smsq.gateway.reasons import (
    clean_reason,
    clean_word,
    find_reason,
    read_date,
    read_retry_after_s,
)
from smsq.models import BulkAccepted, QuickAccepted, ReportRow

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

#: Longest word of the gateway's that is kept: a status, a uuid.
WORD_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status, and a body that may be missing or cut.

    Attributes:
        sent_at: By the gateway's own clock, as its header `Date` has it.
        secrets: Token, texts and phones of the call. Where the gateway repeats them, they are not
            its own words, and no error may hold them.
    """

    status: int
    retry_after: str | None = None
    sent_at: str | None = None
    body: bytes | None = field(default=None, repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True)
class ReportPage:
    """One page of getSmsDeliveryList.

    Attributes:
        result: Rows as the gateway sent them.
    """

    result: Sequence[object] = field(repr=False)

    @property
    def row_count(self) -> int:
        """Rows the gateway sent; a page with fewer than asked for is the last."""
        return len(self.result)

    @cached_property
    def rows(self) -> Sequence[ReportRow]:
        """The rows that could be read. Read when first asked for: the next page need not wait."""
        # Rows of one page share a few words: each is cleaned once.
        clean = cache(partial(clean_word, most=WORD_MAX))
        return [read for row in self.result if (read := _read_row(row, clean))]


def read_quick(answer: Answer) -> QuickAccepted | GatewayError:
    """Read the answer to a sendQuickSMS."""
    document = read_success(answer, "sms_id")
    if isinstance(document, GatewayError):
        return document
    sms_id = read_id(document["sms_id"])
    if sms_id is None:
        return UnknownOutcomeError("200 without sms_id", status=OK)
    # The id proves acceptance; odd words beside it do not undo it.
    status = clean_word(document.get("status", ""), WORD_MAX)
    return QuickAccepted(sms_id, status, read_id(document.get("parts")) or 0)


def read_bulk(answer: Answer) -> BulkAccepted | GatewayError:
    """Read the answer to a sendBulkSms."""
    document = read_success(answer, "uuid")
    if isinstance(document, GatewayError):
        return document
    uuid = document["uuid"]
    if not isinstance(uuid, str) or not 0 < len(uuid) <= WORD_MAX:
        return UnknownOutcomeError("200 without uuid", status=OK)
    return BulkAccepted(clean_word(uuid, WORD_MAX))


def read_reports(answer: Answer) -> ReportPage | GatewayError:
    """Read a page of reports. Asking again is harmless, so nothing is ever unknown here."""
    document = read_success(answer, "result")
    if isinstance(document, UnknownOutcomeError):
        return TemporaryError(document.reason, status=document.status)
    if isinstance(document, GatewayError):
        return document
    result = document["result"]
    if not isinstance(result, list):
        return TemporaryError("200 without a list of results", status=OK)
    return ReportPage(result)


def read_success(answer: Answer, proof: str) -> Mapping[str, Any] | GatewayError:
    """Read a 200 as a JSON object, or say what kind of failure it is.

    Args:
        answer: As it came.
        proof: The field that only an acceptance has. Beside it, words are no failure: a gateway
            that repeats a text about an invalid token has still taken it.
    """
    document = _read_json(answer.body)
    says_error = isinstance(document, dict) and bool(document.get("error"))
    if answer.status == OK and isinstance(document, dict) and proof in document and not says_error:
        return document
    reason = clean_reason(find_reason(document), answer.secrets)
    if any(word in reason.lower() for word in TOKEN_WORDS):
        return MisconfiguredError(reason, status=answer.status)
    if answer.status == OK and says_error:
        return RefusedError(reason or "200 with error", status=OK)
    if answer.status == OK and isinstance(document, dict):
        return UnknownOutcomeError(f"200 without {proof}", status=OK)
    return _failure(answer, reason)


def _failure(answer: Answer, reason: str) -> GatewayError:
    kind = ANSWERS.get(answer.status) or ANSWERS_BY_HUNDRED.get(
        answer.status // 100, UnknownOutcomeError
    )
    said = f"{answer.status}: {reason}" if reason else str(answer.status)
    if kind is UnknownOutcomeError:
        return UnknownOutcomeError(f"unreadable answer {said}", status=answer.status)
    if kind is BusyError or kind is TemporaryError:
        sent_at = read_date(answer.sent_at)
        retry_after_s = read_retry_after_s(answer.retry_after, now=sent_at)
        return kind(said, status=answer.status, retry_after_s=retry_after_s)
    return kind(said, status=answer.status)


def _read_row(row: object, clean: Callable[[str], str]) -> ReportRow | None:
    # JSON makes no other types than these, and True is no int by type.
    if type(row) is not dict:
        return None
    phone, status, d_sent = row.get("phone"), row.get("status"), row.get("d_sent")
    if type(phone) is int:
        phone = str(phone)
    if type(phone) is not str or type(status) is not str:
        return None
    digits = phone.removeprefix("+")
    if not (digits.isdigit() and digits.isascii()):
        return None
    return ReportRow(digits, clean(status), d_sent if type(d_sent) is str else None)


def _read_json(body: bytes | None) -> object:
    if body is None:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # it takes neither a byte order mark nor half a character
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
