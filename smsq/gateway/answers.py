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
from typing import Any

import orjson

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.echoes import take_names_out
from smsq.gateway.failures import ABOUT_ACCOUNT, OK, judge
from smsq.gateway.ids import read_id
from smsq.gateway.reasons import (
    clean_reason,
    clean_word,
    find_reason,
    read_date,
    read_retry_after_s,
)
from smsq.models import BulkAccepted, QuickAccepted, ReportRow

#: Longest word of the gateway's that is kept: a status, a uuid.
WORD_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status, and a body that may be missing or cut.

    Attributes:
        sent_at: By the gateway's own clock, as its header `Date` has it.
        secrets: Token, texts and phones of the call. Where the gateway repeats them, they are not
            its own words, and no error may hold them.
        names: Of messages and senders of the call: not its own words either.
    """

    status: int
    retry_after: str | None = None
    sent_at: str | None = None
    body: bytes | None = field(default=None, repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)
    names: Sequence[str] = ()


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
    found = document if answer.status == OK and isinstance(document, dict) else {}
    says_error = isinstance(document, dict) and bool(document.get("error"))
    if proof in found and (not says_error or _is_proof(found, proof)):
        return found
    reason = clean_reason(find_reason(document), answer.secrets)
    if found.get(proof):
        # Neither an acceptance nor a plain refusal: words in it must not have it sent again.
        return UnknownOutcomeError(f"200 with {proof} and an error: {reason}", status=OK)
    words = take_names_out(reason, answer.names)
    kind, is_said = judge(answer.status, words, says_error=says_error)
    if kind is UnknownOutcomeError and answer.status == OK and isinstance(document, dict):
        return UnknownOutcomeError(f"200 without {proof}", status=OK)
    return _failure(kind, answer, reason, is_said=is_said)


def _is_proof(document: Mapping[str, Any], proof: str) -> bool:
    """Whether an acceptance is beyond doubt even beside an error."""
    if proof == "uuid":
        return bool(document["uuid"]) and bool(document.get("success"))
    return proof == "sms_id" and read_id(document[proof]) is not None


def _failure(
    kind: type[GatewayError], answer: Answer, reason: str, *, is_said: bool
) -> GatewayError:
    if answer.status == OK and kind is not UnknownOutcomeError:
        said = reason or "200 with error"
    else:
        said = f"{answer.status}: {reason}" if reason else str(answer.status)
    if kind is UnknownOutcomeError:
        return UnknownOutcomeError(f"unreadable answer {said}", status=answer.status)
    if kind is MisconfiguredError:
        is_certain = is_said and answer.status in ABOUT_ACCOUNT
        return MisconfiguredError(said, status=answer.status, is_certain=is_certain)
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
