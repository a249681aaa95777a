"""JSON in answers, however it is written. Pure.

In:  unpacked bytes, and what their header says of them. Out: JSON's values, or text.
"""

from __future__ import annotations

import json

import orjson

from smsq.gateway.http.encodings import to_text

#: Longer numbers are no ids, and cost time to read.
_MOST_DIGITS = 25


def read_json(body: bytes | None, content_type: str | None) -> object:
    """Read JSON in whatever alphabet; a text that is no JSON as that text, nothing as None."""
    if not body:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # It takes neither a byte order mark, half a character nor another alphabet.
        document = _load(to_text(body, content_type))
    # Some write JSON into a string of JSON.
    return _load(document) if isinstance(document, str) else document


def read_late_json(text: str) -> object:
    """Read the object at the end of other words, such as a PHP warning; else give the text."""
    begin = text.find("{")
    document = _load(text[begin:]) if begin > 0 else text
    return text if isinstance(document, str) else document


def _load(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_value, parse_int=_to_int)
    except (ValueError, RecursionError):
        return text


def _no_value(_: str) -> None:
    """Read NaN and Infinity, which are no JSON, as no value."""


def _to_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None
