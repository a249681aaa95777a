"""Parsers of setting values. Pure.

In:  the text of one environment variable. Out: its value, or a ValueError that says what to write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

_E = TypeVar("_E", bound=StrEnum)
_NAMESPACE = re.compile(r"[A-Za-z0-9_.{}-]{1,64}")


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
            raise ValueError(f"write a number from {least:g} to {most:g}")
        return value

    return parse


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


def redis_url(text: str) -> str:
    """Check the address of a Redis."""
    if urlsplit(text).scheme not in {"redis", "rediss", "unix", "sentinel"}:
        raise ValueError("write an address like redis://127.0.0.1:6379/0")
    return text


def base_url(text: str) -> str:
    """Check an http(s) address without query or user; returns it without a slash at the end."""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_good = is_good and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ValueError("write scheme, host and port, as in https://gateway.example") from None
    if not is_good or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("write scheme, host and port, as in https://gateway.example")
    return text.rstrip("/")


def gateway_url(text: str) -> str:
    """Check an address of scheme, host and port alone: `/api/v1/...` is appended to it."""
    address = base_url(text)
    if urlsplit(address).path:
        raise ValueError("write scheme, host and port without a path")
    return address


def namespace(text: str) -> str:
    """Check a key prefix."""
    if not _NAMESPACE.fullmatch(text):
        raise ValueError("write 1 to 64 letters, digits or _ . - { }")
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
