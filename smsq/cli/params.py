"""Types of arguments that click does not have.

In:  what stands on the command line or on stdin. Out: values, or a usage error that says what to
write instead.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from decimal import Decimal

import click

from smsq.environment import parsers
from smsq.errors import InvalidMessageError

#: More than the longest text takes in any encoding.
_MAX_STDIN_BYTES = 64 * 1024


def to_moment(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """Read a time; a date alone is refused, for nobody means midnight."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    has_time = "T" in value.upper() or " " in value.strip()
    if moment is None or not has_time or moment.year not in parsers.YEARS:
        raise click.BadParameter(
            "write a time like 2030-11-05T09:30 (in SMSQ_TIMEZONE) or 2030-11-05T09:30+03:00"
        )
    return moment


def to_start(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """Read a time at which a span begins or ends; a date alone is its midnight."""
    try:
        return datetime.fromisoformat(value) if value is not None else None
    except ValueError:
        raise click.BadParameter(
            "write a date like 2030-11-05, or a time like 2030-11-05T09:30+03:00"
        ) from None


def to_unicode(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse what is not UTF-8; the shell may hand over any bytes.

    In a locale without letters (`LC_ALL=C`, cron) Python leaves all but ASCII undecoded.
    """
    if value is None or value.isprintable():
        return value
    try:
        is_decoded = not any("\ud800" <= letter <= "\udfff" for letter in value)
        return value if is_decoded else os.fsencode(value).decode()
    except UnicodeError:
        raise click.BadParameter("is not UTF-8: write it in UTF-8") from None


def to_price(_: click.Context, __: click.Parameter, value: str | None) -> Decimal | None:
    """Read a price."""
    try:
        return None if value is None else parsers.price(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def read_text(text: str) -> str:
    """Give back a text, or read it from stdin when it is `-`; a last line end does not count."""
    if text != "-":
        return text
    if sys.stdin is None:  # cron and services may close it
        raise InvalidMessageError(["stdin is closed: write the text itself"])
    raw = sys.stdin.buffer.read(_MAX_STDIN_BYTES + 1)
    if len(raw) > _MAX_STDIN_BYTES:
        raise InvalidMessageError(["text on stdin is too long: write at most 10 parts"])
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidMessageError(["text on stdin is not UTF-8: write it in UTF-8"]) from None
    return decoded.removesuffix("\n").removesuffix("\r")
