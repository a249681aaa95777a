"""Requests as they come over HTTP, and answers as they are written. Pure.

In:  bytes; documents and options. Out: pairs of names and values, a token, phones, senders, or
`Refused`; the bytes of an answer, plainly or in the clothes that real gateways give it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from smsq.simulator import contract
from smsq.simulator.contract import Bulk, Quick, Refused
from smsq.simulator.options import Options

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came."""

    query: str
    content_type: str
    body: bytes


def read_pairs(text: str) -> Pairs:
    """Read a query or a form.

    Raises:
        Refused: It is too long, or no UTF-8.
    """
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:
        raise Refused("parameters must be UTF-8, and 100 at most") from None


def find_token(query: Pairs, incoming: Incoming) -> object:
    """Find the token, in the query or in a JSON body."""
    for name, value in query:
        if name == "token":
            return value
    if "json" in incoming.content_type:
        return contract.read_json(incoming.body).get("token")
    return None


def find_phones(request: object) -> Iterable[str]:
    """List the phones that a request is to send to."""
    if isinstance(request, Quick):
        return [request.phone]
    if isinstance(request, Bulk):
        return [phone for part in request.parts for phone in part.recipients]
    return []


def find_senders(request: object) -> set[str]:
    """List the senders that a request names."""
    if isinstance(request, Quick):
        return {request.alphaname_id}
    return {part.alphaname_id for part in request.parts} if isinstance(request, Bulk) else set()


def dress(document: object, options: Options) -> tuple[bytes, Mapping[str, str]]:
    """Write a JSON answer as the options ask for."""
    charset = options.charset
    # What the alphabet lacks is escaped, as JSON allows.
    shown = json.dumps(document, ensure_ascii=False)
    body = "".join(_fit(letter, charset) for letter in shown).encode(charset)
    headers = {"Content-Type": "application/json"}
    if charset != "utf-8":
        headers["Content-Type"] += f"; charset={charset}"
    if options.is_packed:
        body = gzip.compress(body, compresslevel=1)
        headers["Content-Encoding"] = "gzip"
    if options.keep_alive_s:
        headers["Keep-Alive"] = f"timeout={options.keep_alive_s}"
    return body, headers


def _fit(letter: str, charset: str) -> str:
    try:
        letter.encode(charset)
    except UnicodeEncodeError:
        return json.dumps(letter)[1:-1]
    return letter
