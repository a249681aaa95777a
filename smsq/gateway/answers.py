"""The gateway's contract as data: what each answer means. Pure.

In:  answers of the gateway. Out: typed results or `GatewayError`s.

Readers return errors instead of raising them: an error raised in here would carry frames that hold
texts and phones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.bodies import read_json, read_late_json
from smsq.gateway.echoes import mask_codes, take_names_out
from smsq.gateway.failures import ABOUT_ACCOUNT, SUCCESSES, judge
from smsq.gateway.ids import read_id
from smsq.gateway.reasons import (
    clean_reason,
    clean_status,
    clean_word,
    find_reason,
    read_date,
    read_retry_after_s,
    says_failure,
    says_no,
)
from smsq.gateway.reports import WORD_MAX, ReportPage, list_rows
from smsq.models import BulkAccepted, QuickAccepted

#: A status that is longer is more than a word like "undelivered", which a text may hold by chance.
_ONE_WORD = 16
#: Where some put the object that the contract has alone.
_WRAPPINGS = ("result", "data", "response")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status, and a body that may be missing or cut.

    Attributes:
        sent_at: By the gateway's own clock, as its header `Date` has it.
        content_type: As its header has it.
        secrets: Token, texts and phones of the call. Where the gateway repeats them, they are not
            its own words, and no error may hold them.
        names: Of messages and senders of the call: not its own words either.
    """

    status: int
    retry_after: str | None = None
    sent_at: str | None = None
    content_type: str | None = None
    body: bytes | None = field(default=None, repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)
    names: Sequence[str] = ()


def read_quick(answer: Answer) -> QuickAccepted | GatewayError:
    """Read the answer to a sendQuickSMS."""
    document = read_success(answer, "sms_id")
    if isinstance(document, GatewayError):
        return document
    sms_id = read_id(document["sms_id"])
    if sms_id is None:
        return UnknownOutcomeError(f"{answer.status} without sms_id", status=answer.status)
    # The id proves acceptance; odd words beside it do not undo it.
    status = str(document.get("status", ""))
    if len(status) > _ONE_WORD:
        status = clean_reason(status, answer.secrets)
    elif any(map(str.isdecimal, status)):
        status = mask_codes(status, answer.secrets)
    status = clean_status(status, WORD_MAX)
    return QuickAccepted(sms_id, status, read_id(document.get("parts")) or 0, answer.status)


def read_bulk(answer: Answer) -> BulkAccepted | GatewayError:
    """Read the answer to a sendBulkSms."""
    document = read_success(answer, "uuid")
    if isinstance(document, GatewayError):
        return document
    uuid = document["uuid"]
    if _says_yes(document) and read_id(uuid):
        uuid = str(read_id(uuid))
    if not isinstance(uuid, str) or not 0 < len(uuid) <= WORD_MAX:
        return UnknownOutcomeError(f"{answer.status} without uuid", status=answer.status)
    return BulkAccepted(clean_word(uuid, WORD_MAX), answer.status)


def read_reports(answer: Answer) -> ReportPage | GatewayError:
    """Read a page of reports. Asking again is harmless, so nothing is ever unknown here."""
    document = read_success(answer, "result")
    if isinstance(document, UnknownOutcomeError):
        return TemporaryError(document.reason, status=document.status)
    if isinstance(document, GatewayError):
        return document
    rows = list_rows(document["result"])
    if rows is None:
        why = f"{answer.status} without a list of results"
        return TemporaryError(why, status=answer.status)
    return ReportPage(rows)


def read_success(answer: Answer, proof: str) -> Mapping[str, Any] | GatewayError:
    """Read a 2xx as a JSON object, or say what kind of failure it is.

    Args:
        answer: As it came.
        proof: The field that only an acceptance has. Beside it, words are no failure: a gateway
            that repeats a text about an invalid token has still taken it.
    """
    document, words = _read_document(answer, proof)
    is_success = answer.status in SUCCESSES
    found = document if is_success else {}
    says_error = says_failure(document)
    has_proof = found.get(proof) not in _NO_ID
    is_empty_page = proof == "result" and proof in found
    if (has_proof or is_empty_page) and (not says_error or _is_proof(found, proof)):
        return found
    reason = clean_reason(find_reason(document) or words, answer.secrets)
    if has_proof:
        # Neither an acceptance nor a plain refusal: words in it must not have it sent again.
        why = f"{answer.status} with {proof} and an error: {reason}"
        return UnknownOutcomeError(why, status=answer.status)
    own_words = take_names_out(reason, answer.names)
    kind, is_said = judge(answer.status, own_words, says_error=says_error)
    if kind is UnknownOutcomeError and found:
        why = f"{answer.status} without {proof}" + f": {reason}" * bool(reason)
        return UnknownOutcomeError(why, status=answer.status)
    return _failure(kind, answer, reason, is_said=is_said)


#: What may stand where there is no id.
_NO_ID = (None, "", "0", 0, False)


def _read_document(answer: Answer, proof: str) -> tuple[Mapping[str, Any], str]:
    """Read the object of an answer, and the words of one that is none."""
    document = read_json(answer.body, answer.content_type)
    if isinstance(document, str):
        # Our own text, repeated, may look like an answer.
        if not any("{" in one for one in answer.secrets):
            document = read_late_json(document)
        if isinstance(document, str):
            is_page = document.lstrip().startswith("<")
            return {}, "" if is_page or answer.status in SUCCESSES else document.strip()
    if isinstance(document, list) and proof == "result" and _are_rows(document):
        return {"result": document}, ""
    document = _only(document)
    if document.get(proof) is not None:
        return document, ""
    inner = [document, *(_only(document.get(name)) for name in _WRAPPINGS)]
    proven = (one for one in inner if one.get(proof) is not None)
    failed = (one for one in inner if says_failure(one))
    return next(proven, next(failed, document)), ""


def _only(value: object) -> Mapping[str, Any]:
    """Take an object, or the only one in a list; an empty one for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else {}


def _are_rows(document: Sequence[object]) -> bool:
    return all(isinstance(row, dict) and "phone" in row for row in document)


def _is_proof(document: Mapping[str, Any], proof: str) -> bool:
    """Whether an acceptance is beyond doubt even beside an error."""
    if proof == "uuid":
        return bool(document["uuid"]) and _says_yes(document)
    return proof == "sms_id" and read_id(document[proof]) is not None


def _says_yes(document: Mapping[str, Any]) -> bool:
    return bool(document.get("success")) and not says_no(document["success"])


def _failure(
    kind: type[GatewayError], answer: Answer, reason: str, *, is_said: bool
) -> GatewayError:
    if answer.status in SUCCESSES and kind is not UnknownOutcomeError:
        said = reason or f"{answer.status} with error"
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
