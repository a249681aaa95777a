"""The gateway's own words for a failure, made safe to keep. Pure.

In:  bodies and headers of the gateway. Out: reasons without token, text or full phone; pauses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from smsq.gateway.echoes import mask_codes, repeats, spell, take_out, undo_all
from smsq.text.masked import mask_phones
from smsq.text.shown import clean_line

MAX_REASON = 200
#: So much is looked through for the reason; a page of it would be slow to compare with the texts.
_MAX_RAW_REASON = 4 * MAX_REASON

#: A gateway that asks for more is asked again by the next probe.
MAX_RETRY_AFTER_S = 3600.0

#: Stands for words that cannot be shown.
_REPEATED = "(the gateway's words repeat the request)"
_UNSHOWABLE = "(the gateway's words hold a phone)"

_KEYS = ("error", "message", "detail", "errors", "description", "error_description", "reason")
#: What stands where there is no error, and how a failure is written beside one.
_NO_ERROR = frozenset({"", "0", "none", "null", "no", "false", "ok", "no error"})
_NO_SUCCESS = frozenset({"", "0", "false", "no", "error", "fail", "failed", "failure", "nok"})
_FAILURES = frozenset({"error", "fail", "failed", "failure"})
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}|&#?\w+;|\\+u|<")
#: Phones that are escaped in phones that are escaped go no further.
_MASKINGS = 3


def find_reason(document: object) -> str:
    """Find the gateway's words in an error body, all of them; "" when there are none."""
    found: dict[str, None] = {}
    if not isinstance(document, dict):
        return ""
    for key in _KEYS:
        value = document.get(key)
        if isinstance(value, list | dict) and value:
            value = str(value)
        if isinstance(value, str) and value.strip().lower() not in _NO_ERROR:
            found[value.strip()] = None
    return "; ".join(found)[:_MAX_RAW_REASON]


def says_no(success: object) -> bool:
    """Say whether the field `success` denies one."""
    return success is not None and _plain(success) in _NO_SUCCESS


def says_failure(document: Mapping[str, Any]) -> bool:
    """Say whether an answer calls itself a failure, whatever else is in it."""
    errors = (document.get("error"), document.get("errors"))
    has_error = any(error and _plain(error) not in _NO_ERROR for error in errors)
    is_failed = any(_plain(document.get(name)) in _FAILURES for name in ("status", "result"))
    return has_error or is_failed or any(says_no(document.get(name)) for name in ("success", "ok"))


def _plain(value: object) -> str:
    """Write a word, a number or a truth in one way."""
    return str(value).strip().lower() if isinstance(value, str | int | float) else "-"


def clean_word(value: object, most: int) -> str:
    """Bound a word of the gateway's, and write it on one line."""
    return clean_line(str(value)[:most])


def clean_status(value: object, most: int) -> str:
    """Do so with a status, in which no phone is shown."""
    return hide_phones(clean_word(value, most))[:most]


def hide_phones(words: str) -> str:
    """Mask phones, in whatever way they are written or escaped; then the words are undone, too."""
    for _ in range(_MASKINGS):
        hidden = next((one for one in spell(words) if mask_phones(one) != one), None)
        if hidden is None:
            return words
        # Digits of a phone stand apart in escapes, and those of escapes beside them.
        words = mask_phones(undo_all(words) if _ESCAPE.search(words) else hidden)
    return _UNSHOWABLE


def clean_reason(reason: str, secrets: Sequence[str]) -> str:
    """Bound a reason and take out what nobody may see.

    Args:
        reason: The gateway's words, perhaps with our request repeated in them.
        secrets: Token, texts, phones of the request.
    """
    reason = take_out(reason, secrets)
    if repeats(reason, secrets):
        return _REPEATED
    reason = mask_codes(hide_phones(reason), secrets)
    if any(mask_codes(one, secrets) != one for one in spell(reason)):
        return _REPEATED
    return clean_word(reason, MAX_REASON)


def read_retry_after_s(header: str | None, *, now: datetime | None) -> float | None:
    """Read a Retry-After header: seconds or a date; None when it says nothing usable.

    Args:
        header: As it came.
        now: By the gateway's own clock, which its dates are reckoned with; None: they are unusable.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        until = read_date(header)
        if until is None or now is None:
            return None
        seconds = (until - now).total_seconds()
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, MAX_RETRY_AFTER_S)


def read_date(header: str | None) -> datetime | None:
    """Read a date as HTTP writes it; None when it is none."""
    try:
        moment = parsedate_to_datetime(header or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
