"""Bodies of answers and receipts as text: unpacked, and in whatever alphabet. Pure.

In:  bytes and what headers say of them. Out: bytes that are not packed; text.

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
    if not packing and not body.startswith(_GZIP_MAGIC):
        return body
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


def to_text(body: bytes, content_type: str | None) -> str:
    """Decode a body. What is UTF-8 by far is UTF-8, whatever a header says.

    Args:
        body: Unpacked.
        content_type: The header.
    """
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
