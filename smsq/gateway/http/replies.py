"""One answer of HTTP/1.1: a plain one is read at once, any other by http.client.

In:  bytes, or a socket that has more of them. Out: a `Reply`.

http.client reads headers as mail, which costs more than all else about a request. Nearly every
answer is a status, a length and a few hundred bytes that come together. `read_plain` takes those,
and only where http.client would read the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any

from urllib3 import HTTPHeaderDict
from urllib3.response import HTTPResponse as BoundedResponse

#: A plain answer fits in one read of this size.
PLAIN_MAX_BYTES = 16 * 1024

_CHUNK_BYTES = 64 * 1024

#: Names are tokens, values are visible ASCII: nothing folded, nothing odd.
_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [\t\x20-\x7e]*)?\r\n"
    rb"((?:[!#-'*+\-.^-z|~0-9A-Z]+:[\t\x20-\x7e]*\r\n)*)\r\n"
)
_STATUSES_WITHOUT_BODY = (b"204", b"304")
#: As http.client has it.
_MOST_HEADERS = 100
#: More digits are no length.
_MOST_DIGITS = 9
_LENGTH, _ENCODING, _CONNECTION = b"content-length", b"transfer-encoding", b"connection"
#: Headers that are given on.
_KEPT = ("content-encoding", "content-type", "date", "keep-alive", "retry-after")
_KEPT_AS = {name.encode(): name for name in _KEPT}
_USED = frozenset({_LENGTH, _ENCODING, _CONNECTION, *_KEPT_AS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back.

    Attributes:
        headers: Those that count, as they came, by their names in lower case.
        body: As it came, not unpacked; None when it is larger than allowed or breaks off.
        is_whole: Whether the connection can be used again.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    is_whole: bool


def read_plain(data: bytes, max_bytes: int) -> Reply | None:
    """Read an answer that is all there and has an ordinary head; None for any other."""
    found = _HEAD.match(data)
    if found is None or found[1] in _STATUSES_WITHOUT_BODY:
        return None
    lines = found[2].split(b"\r\n")
    used: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in _USED:
            if name in used:
                return None
            used[name] = value.strip()
    length = used.get(_LENGTH, b"")
    if _ENCODING in used or not length.isdigit() or len(length) > _MOST_DIGITS:
        return None
    end = found.end() + int(length)
    if end > len(data) or int(length) > max_bytes or len(lines) > _MOST_HEADERS:
        return None
    will_close = b"close" in used.get(_CONNECTION, b"").lower()
    return Reply(
        status=int(found[1]),
        headers={_KEPT_AS[name]: used[name].decode() for name in _KEPT_AS.keys() & used},
        body=data[found.end() : end],
        # What comes after it belongs to no request of ours; more of it may be on its way.
        is_whole=end == len(data) and not will_close,
    )


def read_any(sock: Any, method: str, max_bytes: int) -> Reply:
    """Read an answer of whatever kind from a socket.

    Raises:
        OSError, HTTPException: There is no answer, or none of HTTP.
    """
    with HTTPResponse(sock, method=method) as found:
        found.begin()
        will_close = found.will_close
        response = BoundedResponse(
            body=found,
            headers=HTTPHeaderDict(found.headers.items()),
            status=found.status,
            preload_content=False,
            decode_content=False,
            original_response=found,
            request_method=method,
        )
        body = read_body(response, max_bytes)
    return Reply(
        status=found.status,
        headers={name: response.headers[name] for name in _KEPT if name in response.headers},
        body=body,
        is_whole=body is not None and not will_close,
    )


def read_body(response: Any, max_bytes: int) -> bytes | None:
    """Read a body to its end, as it came; None when it is larger than allowed or breaks off."""
    body = bytearray()
    try:
        while chunk := response.read(_CHUNK_BYTES, decode_content=False):
            body += chunk
            if len(body) > max_bytes:
                return None
    except Exception:  # noqa: BLE001 - however it broke off, there is no whole body
        return None
    return bytes(body)
