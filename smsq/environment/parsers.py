"""Parsers of setting values. Pure.

In:  the text of one environment variable. Out: its value, or a ValueError that says what to write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from smsq.domain.outcomes import plain_word
from smsq.domain.quiet import MOST_MINUTES, QuietHours
from smsq.environment.addresses import broker_of as broker_of
from smsq.environment.addresses import broker_url as broker_url
from smsq.environment.addresses import redis_url as redis_url
from smsq.environment.console import is_console
from smsq.models import RecipientState

_E = TypeVar("_E", bound=StrEnum)
_NAMESPACE = re.compile(r"[A-Za-z0-9_.{}-]{1,64}")
_PRICE = re.compile(r"[0-9]{1,12}([.,][0-9]{1,9})?")
_MAX_ALPHANAME = 64
#: What a word of the gateway's can mean; the others are ours alone.
_MAPPED_STATES = frozenset(RecipientState) - {RecipientState.NO_REPORT, RecipientState.WITHHELD}
_QUIET_HOURS = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9])")
_HTTP_EXAMPLE = "write scheme, host and port, as in https://gateway.example"
_PROXY_EXAMPLE = (
    "write http://, host and port, as in http://proxy.example:3128, or with a user: "
    "http://user:password@proxy.example:3128"
)


#: Nobody sends outside these years: such times are typing mistakes, or a database's "never".
YEARS = range(2000, 2200)


def whole(least: int, most: int) -> Callable[[str], int]:
    """Parse a whole number from `least` to `most`, both allowed."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise ValueError(f"write a whole number from {least} to {most}")
        return value

    return parse


def number(least: float, most: float) -> Callable[[str], float]:
    """Parse a number from `least` to `most`, both allowed."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ValueError(f"write a number from {least:.15g} to {most:.15g}")
        return value

    return parse


def price(text: str) -> Decimal:
    """Parse a price, with a point or a comma before its fractions."""
    if not _PRICE.fullmatch(text):
        raise ValueError("write a price like 0.035")
    return Decimal(text.replace(",", "."))


def choice(options: type[_E]) -> Callable[[str], _E]:
    """Parse one of an enum's words."""

    def parse(text: str) -> _E:
        if text not in set(options):
            raise ValueError(f"write one of: {', '.join(options)}")
        return options(text)

    return parse


def flag(text: str) -> bool:
    """Parse 1 or 0."""
    if text not in {"0", "1"}:
        raise ValueError("write 1 or 0")
    return text == "1"


def base_url(text: str) -> str:
    """Check an http(s) address without query or user; returns it without a slash at the end."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # read, and found to be none, only now
    except ValueError:
        raise ValueError(_HTTP_EXAMPLE) from None
    is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    if not is_good or parts.netloc.endswith(":") or re.search(r"[?#@\s]", text):
        raise ValueError(_HTTP_EXAMPLE)
    return text.rstrip("/")


def webhook_url(text: str) -> str:
    """Check an http(s) address; a query is welcome, a slash at the end stays."""
    base_url(text.partition("?")[0])
    if re.search(r"[#@\s]", text) or not text.isascii():
        raise ValueError("write an address like https://shop.example/sms-news")
    return text


def gateway_url(text: str) -> str:
    """Check an address of scheme, host and port alone: `/api/v1/...` is appended to it."""
    if is_console(text):
        return text
    address = base_url(text)
    if urlsplit(address).path:
        raise ValueError("write scheme, host and port without a path")
    return address


def proxy(text: str) -> str:
    """Check the address of an HTTP proxy; a user and a password may stand in it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(_PROXY_EXAMPLE) from None
    is_bare = parts.path in {"", "/"} and not re.search(r"[?#\s]", text) and text.isascii()
    if parts.scheme != "http" or not parts.hostname or not port or not is_bare:
        raise ValueError(_PROXY_EXAMPLE)
    return text.rstrip("/")


def namespace(text: str) -> str:
    """Check a key prefix."""
    if not _NAMESPACE.fullmatch(text):
        raise ValueError("write 1 to 64 letters, digits or _ . - { }")
    return text


def alphaname_id(text: str) -> str:
    """Check a sender's id."""
    if len(text) > _MAX_ALPHANAME or not text.isalnum():
        raise ValueError(f"write 1 to {_MAX_ALPHANAME} letters or digits")
    return text


def timezone(text: str) -> str:
    """Check the name of a time zone."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("write a zone like Europe/Minsk") from None
    return text


def region(text: str) -> str:
    """Check a two-letter region."""
    if text not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("write a two-letter region like BY")
    return text


def quiet_hours(text: str) -> QuietHours:
    """Parse a span of a day, as in `21:00-09:00`; it may cross midnight."""
    found = _QUIET_HOURS.fullmatch(text)
    if not found:
        raise ValueError(
            "write from when to when, as in 21:00-09:00, or nothing for no quiet hours"
        )
    quiet = QuietHours(time.fromisoformat(found[1]), time.fromisoformat(found[2]))
    if not 0 < quiet.minutes <= MOST_MINUTES:
        raise ValueError(f"leave at least {24 - MOST_MINUTES // 60} hours of the day")
    return quiet


def status_map(text: str) -> Mapping[str, RecipientState]:
    """Parse what the gateway's words mean, as in `read=delivered,blocked=undelivered`."""
    words: dict[str, RecipientState] = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        word, _, state = (part.strip() for part in pair.partition("="))
        if not plain_word(word) or state not in _MAPPED_STATES:
            raise ValueError(
                "write the gateway's words with their states (pending, sent, delivered or "
                "undelivered), as in read=delivered,blocked=undelivered"
            )
        if words.setdefault(plain_word(word), RecipientState(state)) != state:
            raise ValueError("write each word once: one has two states")
    return words
