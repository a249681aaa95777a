"""The contract, read strictly: parameters of the three endpoints. Pure.

In:  query, form and JSON as they came. Out: typed requests, or `Refused` naming the parameter.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

_PHONE = re.compile(r"[1-9][0-9]{9,14}")
_WHOLE = re.compile(r"[0-9]{1,18}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = frozenset("\f^{}\\[~]|€")
_MOST_PARTS = 10
_LEAST_MINUTES, _MOST_MINUTES = 5, 60

QUICK_QUERY = ("token", "message", "phone", "alphaname_id")
QUICK_FORM = ("forwarding_message", "forwarding_time", "vibername_id")
REPORT_QUERY = ("token", "message_id", "limit_offset", "limit_rows")
BULK_BODY = ("token", "callback_url", "messages")
_MESSAGE = ("alphaname_id", "name", "message_type", "text", "schedule_time", "delivery_list")


class Refused(Exception):  # noqa: N818 - a refusal is what it is
    """The request breaks the contract; the message names the parameter and the reason."""


@dataclass(frozen=True, slots=True)
class Quick:
    """A sendQuickSMS that keeps the contract."""

    phone: str
    text: str
    alphaname_id: str


@dataclass(frozen=True, slots=True)
class BulkPart:
    """One of the messages of a sendBulkSms."""

    name: str
    alphaname_id: str
    recipients: Mapping[str, str]
    schedule_time: datetime | None


@dataclass(frozen=True, slots=True)
class Bulk:
    """A sendBulkSms that keeps the contract."""

    callback_url: str
    parts: Sequence[BulkPart]


@dataclass(frozen=True, slots=True)
class Reports:
    """A getSmsDeliveryList that keeps the contract."""

    message_id: int
    offset: int
    rows: int | None


def count_parts(text: str) -> int:
    """Count what the text would be billed as."""
    if all(c in _GSM7 or c in _GSM7_TWICE for c in text):
        size = sum(2 if c in _GSM7_TWICE else 1 for c in text)
        return 1 if size <= 160 else -(-size // 153)  # noqa: PLR2004 - the standard's numbers
    size = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return 1 if size <= 70 else -(-size // 67)  # noqa: PLR2004 - the standard's numbers


def read_quick(query: Sequence[tuple[str, str]], form: Sequence[tuple[str, str]]) -> Quick:
    """Read a sendQuickSMS."""
    values, extra = _once(query, QUICK_QUERY), _once(form, QUICK_FORM)
    for name in QUICK_QUERY:
        if not values.get(name):
            raise Refused(f"{name} is required in the query")
    if extra.get("forwarding_message", "0") not in {"0", "1"}:
        raise Refused("forwarding_message must be 0 or 1")
    minutes = extra.get("forwarding_time", str(_MOST_MINUTES))
    if not _WHOLE.fullmatch(minutes) or not _LEAST_MINUTES <= int(minutes) <= _MOST_MINUTES:
        raise Refused("forwarding_time must be 5 to 60 minutes")
    vibername = extra.get("vibername_id")
    if extra.get("forwarding_message") == "1" and not vibername:
        raise Refused("vibername_id is required with forwarding_message=1")
    if vibername is not None and not _WHOLE.fullmatch(vibername):
        raise Refused("vibername_id must be an integer")
    return Quick(_phone(values["phone"]), _text(values["message"]), values["alphaname_id"])


def read_reports(query: Sequence[tuple[str, str]]) -> Reports:
    """Read a getSmsDeliveryList."""
    values = _once(query, REPORT_QUERY)
    for name, value in values.items():
        if name != "token" and not _WHOLE.fullmatch(value):
            raise Refused(f"{name} must be an integer")
    if "message_id" not in values:
        raise Refused("message_id is required")
    if "limit_offset" in values and "limit_rows" not in values:
        raise Refused("limit_rows is required with limit_offset")
    rows = int(values["limit_rows"]) if "limit_rows" in values else None
    return Reports(int(values["message_id"]), int(values.get("limit_offset", 0)), rows)


def read_json(body: bytes) -> Mapping[str, object]:
    """Read the body of a sendBulkSms as an object."""
    try:
        document = json.loads(body, object_pairs_hook=_no_twice)
    except (ValueError, RecursionError):
        raise Refused("the body must be JSON") from None
    if not isinstance(document, dict):
        raise Refused("the body must be an object")
    return document


def _no_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise Refused("the body has a name twice in one object")
    return document


def read_bulk(document: Mapping[str, object], max_recipients: int) -> Bulk:
    """Read a sendBulkSms."""
    _only(document, BULK_BODY, "the body")
    callback_url, messages = document.get("callback_url"), document.get("messages")
    if not isinstance(callback_url, str):
        raise Refused("callback_url is required; an empty string is fine")
    if callback_url:
        _check_loopback(callback_url)
    if not isinstance(messages, list) or not messages:
        raise Refused("messages must be a list that is not empty")
    parts = [_read_part(message, n) for n, message in enumerate(messages, start=1)]
    if sum(len(part.recipients) for part in parts) > max_recipients:
        raise Refused(f"messages have more than {max_recipients} recipients")
    return Bulk(callback_url, parts)


def _read_part(message: object, n: int) -> BulkPart:
    where = f"messages[{n}]"
    if not isinstance(message, dict):
        raise Refused(f"{where} must be an object")
    _only(message, _MESSAGE, where)
    for name in ("alphaname_id", "name"):
        if not _is_written(message.get(name)):
            raise Refused(f"{where}.{name} must be a string")
    pairs = _read_list(message, where)
    recipients = dict(pairs)
    if len(recipients) != len(pairs):
        raise Refused(f"{where}.delivery_list has a phone twice")
    schedule_time = _moment(message["schedule_time"]) if "schedule_time" in message else None
    return BulkPart(message["name"], message["alphaname_id"], recipients, schedule_time)


def _read_list(message: Mapping[str, object], where: str) -> list[tuple[str, str]]:
    kind, listed = message.get("message_type"), message.get("delivery_list")
    if not isinstance(listed, list) or not listed:
        raise Refused(f"{where}.delivery_list must be a list that is not empty")
    if kind == "bulk":
        text = _text(message.get("text"))
        return [(_phone(entry), text) for entry in listed]
    if kind != "personal":
        raise Refused(f"{where}.message_type must be bulk or personal")
    if "text" in message:
        raise Refused(f"{where}.text does not go with personal")
    return [_pair(entry) for entry in listed]


def _pair(entry: object) -> tuple[str, str]:
    if not isinstance(entry, dict) or set(entry) != {"phone", "text"}:
        raise Refused("delivery_list of personal needs phone and text in each entry")
    return _phone(entry["phone"]), _text(entry["text"])


def _phone(value: object) -> str:
    if not isinstance(value, str) or not _PHONE.fullmatch(value):
        raise Refused("phone must be a string of 10 to 15 digits with the country code")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not _is_written(value):
        raise Refused("text must be a string that is not empty")
    if count_parts(value) > _MOST_PARTS:
        raise Refused(f"text has more than {_MOST_PARTS} parts")
    return value


def _is_written(value: object) -> bool:
    """Whether it is a string with something in it, and no half characters."""
    if not isinstance(value, str) or not value.strip():
        return False
    return not any("\ud800" <= c <= "\udfff" for c in value)


def _moment(value: object) -> datetime:
    written = value if isinstance(value, str) and _MOMENT.fullmatch(value) else ""
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise Refused("schedule_time must be YYYY-MM-DDTHH:mm:ss") from None


def _check_loopback(url: str) -> None:
    if not _is_loopback(url):
        raise Refused("callback_url must be http on loopback: this is a simulator")


def _is_loopback(url: str) -> bool:
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "http" or "@" in parts.netloc or parts.port == 0:
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _only(document: Mapping[str, object], names: Sequence[str], where: str) -> None:
    for name in document:
        if name not in names:
            raise Refused(f"{where} has {name!r}, which the contract does not know")


def _once(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            raise Refused(f"{name!r} is not known here")
        if name in values:
            raise Refused(f"{name} stands twice")
        values[name] = value
    return values
