"""Bodies of answers, whatever they are packed and written in. Pure.

In:  bytes and what headers say of them. Out: JSON's values, or text.

Headers are hints. Servers and proxies pack what they were asked not to pack, name an alphabet that
the body is not in, or name none. Ids and digits are the same in all of them.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from email.message import Message
from typing import Any

import orjson

_GZIP_MAGIC = b"\x1f\x8b"
#: What zlib calls the kinds of packing: gzip, deflate with a head and without one.
_GZIP, _ZLIB, _RAW = 31, 15, -15
_PACKINGS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW)}

#: What is read where a body is no UTF-8 and nothing says what it is: this gateway's country.
_USUAL_ALPHABET = "cp1251"
#: Alphabets that a header may name. Python knows others that are none, or that cost time.
_ALPHABETS = re.compile(
    r"utf-(8|16|32)(-[bl]e)?|cp125\d|cp866|koi8-[ru]|iso8859-\d+|mac-cyrillic", re.ASCII
)
#: Longer numbers are no ids, and cost time to read.
_MOST_DIGITS = 25


def unpack(body: bytes | None, packing: str | None, max_bytes: int) -> bytes | None:
    """Unpack a body.

    Args:
        body: As it came.
        packing: The header `Content-Encoding`.
        max_bytes: Largest result.

    Returns:
        None when it is larger than that. What is not packed as its header says stays as it is.
    """
    if body is None:
        return None
    names = [name.strip().lower() for name in (packing or "").split(",")]
    if body.startswith(_GZIP_MAGIC) and not _PACKINGS.keys() & set(names):
        names = ["gzip"]
    for name in reversed(names):
        for kind in _PACKINGS.get(name, ()):
            try:
                unpacked = _inflate(body, kind, max_bytes)
            except zlib.error:
                continue
            if unpacked is None:
                return None
            body = unpacked
            break
    return body


def _inflate(body: bytes, kind: int, max_bytes: int) -> bytes | None:
    out = b""
    while True:
        inflater = zlib.decompressobj(kind)
        out += inflater.decompress(body, max_bytes + 1 - len(out))
        if len(out) > max_bytes:
            return None
        body = inflater.unused_data
        # Some servers write several packed parts, one after the other.
        if not body.startswith(_GZIP_MAGIC):
            return out


def read_json(body: bytes | None, content_type: str | None) -> object:
    """Read JSON in whatever alphabet; a text that is no JSON as that text, nothing as None."""
    if not body:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # It takes neither a byte order mark, half a character nor another alphabet.
        document = _load(_to_text(body, content_type))
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


def _to_text(body: bytes, content_type: str | None) -> str:
    """Decode a body. What is UTF-8 by far is UTF-8, whatever a header says."""
    detected = json.detect_encoding(body)
    text = body.decode(detected, "replace")
    broken = text.count("\ufffd")
    if not broken or sum(c > "\x7f" for c in text) > 2 * broken:
        return text
    declared = _find_alphabet(content_type)
    return body.decode(_USUAL_ALPHABET if declared in {None, detected} else declared, "replace")


def _find_alphabet(content_type: str | None) -> str | None:
    """Find the alphabet that a header names, as Python calls it; None for none that is known."""
    header: Message[str, Any] = Message()
    header["Content-Type"] = content_type or ""
    try:
        name = codecs.lookup(str(header.get_content_charset() or "")).name
    except (LookupError, ValueError):
        return None
    return name if _ALPHABETS.fullmatch(name) else None
