"""Receipts: the signed address they come to, and what a body of any shape teaches. Pure.

In:  what the gateway posts. Out: message ids, matched to our messages by name, else by order.
"""

from __future__ import annotations

import email
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import parse_qsl

from smsq.gateway.http.encodings import to_text
from smsq.gateway.ids import read_id
from smsq.gateway.message_names import MessageNames
from smsq.models import ReceiptEntry

#: Nothing that the gateway has reason to post is larger.
MAX_VALUES = 100_000
MAX_FORM_FIELDS = 10_000

_DOMAIN = b"smsq receipt v2\0"

#: Without a leading zero: one time is written in one way.
_SECONDS = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)


def sign(job_id: str, secret: str, *, until_s: int) -> str:
    """Sign a job id, good until so many seconds since 1970: `<until>-<HMAC-SHA256 in hex>`."""
    signed = f"{until_s}\0{job_id}".encode("utf-8", "surrogatepass")
    return f"{until_s}-{hmac.new(secret.encode(), _DOMAIN + signed, hashlib.sha256).hexdigest()}"


def is_signed(job_id: str, signature: str, secret: str, *, now_s: float) -> bool:
    """Check a signature, in constant time, and that its time has not passed."""
    until = signature.partition("-")[0]
    if not _SECONDS.fullmatch(until):
        return False
    expected = sign(job_id, secret, until_s=int(until)).encode()
    is_ours = hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass"))
    return is_ours and now_s <= int(until)


def good_until_s(signature: str) -> int:
    """Read until when an authentic signature is good, seconds since 1970."""
    return int(signature.partition("-")[0])


def receipt_url(base_url: str, job_id: str, secret: str, *, until_s: int) -> str:
    """Write the address that a job's receipt is posted to; `until_s` as for `sign`."""
    return f"{base_url.rstrip('/')}/receipts/{job_id}/{sign(job_id, secret, until_s=until_s)}"


def read_receipt(body: bytes, content_type: str | None) -> list[ReceiptEntry]:
    """Find the message ids in a receipt, wherever they stand.

    Args:
        body: As posted; JSON or a form, of any nesting.
        content_type: As the gateway declared it; a hint, not trusted.

    Returns:
        Ids in the order they stand, each once; empty when nothing can be read. `id` is taken for a
        message id only where nothing is called `message_id`.
    """
    root = _parse(body, content_type or "")
    for keys in (("message_id", "message_ids"), ("id", "ids")):
        entries: dict[int, ReceiptEntry] = {}
        for entry in _find(root, keys):
            known = entries.setdefault(entry.message_id, entry)
            if known.name is None:
                # The same id stands with its name further down; it keeps its place.
                entries[entry.message_id] = entry
        if entries:
            return list(entries.values())
    return []


def match_receipt(
    entries: Sequence[ReceiptEntry],
    names: Sequence[str],
    known: Mapping[int, int] = MappingProxyType({}),
) -> dict[int, int]:
    """Match ids to our messages: by name, else by order where that is not ambiguous.

    No id is guessed: in whatever order receipts come, and however the gateway splits them, a
    message gets its own id or none. Messages of one name are as ambiguous as those without: only a
    receipt that has the ids of all of them tells, by their order.

    Args:
        entries: As `read_receipt` found them.
        names: Our messages' names, in order.
        known: Index of a message → its id, where there is one already; it stays.

    Returns:
        Index of a message → its id, those known from before included; messages that could not be
        matched are left out.
    """
    matched = dict(known)
    ids = set(known.values())
    new = [entry for entry in entries if entry.message_id not in ids]
    ours = MessageNames(names)
    # A gateway that calls nothing by our names says as little as one that names nothing.
    are_ours = any(entry.name is not None and ours.find_range(entry.name) for entry in entries)
    named: dict[tuple[int, int], list[int]] = {}
    unnamed: list[int] = []
    for entry in new:
        found = None if entry.name is None else ours.find_range(entry.name)
        if found:
            named.setdefault(found, []).append(entry.message_id)
        elif entry.name is None or not are_ours:
            unnamed.append(entry.message_id)
    _match_named(matched, named, ours)
    free = [i for i in range(len(names)) if i not in matched]
    if len(unnamed) == len(free):
        matched.update(zip(free, unnamed, strict=True))
    return matched


def _match_named(
    matched: dict[int, int], named: Mapping[tuple[int, int], Sequence[int]], ours: MessageNames
) -> None:
    """Match ids whose name leaves no choice, until no more of them can be."""
    open_ranges = dict(named)
    while open_ranges:
        settled = []
        for found, message_ids in open_ranges.items():
            free = [i for i in ours.messages(found) if i not in matched]
            if len(free) in {1, len(message_ids)}:
                matched.update(zip(free, message_ids, strict=False))
                settled.append(found)
        if not settled:
            return
        for found in settled:
            del open_ranges[found]


def _parse(body: bytes, content_type: str) -> object:
    # A name in another alphabet must not cost the ids beside it.
    text = to_text(body, content_type).removeprefix("\ufeff")
    # Many a client posts JSON and calls it a form.
    root = _load(text)
    if root is not None:
        return root
    if "multipart/form-data" in content_type.lower():
        return _group(_parse_parts(body, content_type))
    try:
        return _group(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        return None


def _load(text: str) -> object:
    """Load JSON; None where there is none."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return None
    try:
        root: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return root


def _parse_parts(body: bytes, content_type: str) -> Iterator[tuple[str, str]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    for part in email.message_from_bytes(head + body).walk():
        name, value = part.get_param("name", header="content-disposition"), part.get_payload()
        if isinstance(name, str) and isinstance(value, str):
            yield name, value.strip()


def _group(fields: Iterable[tuple[str, str]]) -> list[object]:
    """Make objects of fields: `messages[0][name]` and `messages[0][message_id]` belong together.

    `message_ids[]`, `message_ids[0]` and `message_ids` mean the same; a repeated name begins anew.
    """
    grouped: list[object] = []
    one: dict[str, object] = {}
    last_path: Sequence[str] = ()
    for name, value in fields:
        words = [word for word in re.split(r"[\[\]]+", name) if word]
        while len(words) > 1 and words[-1].isdigit():
            words.pop()
        *path, short = words or [""]
        if short in one or path != last_path:
            one = {}
            grouped.append(one)
        one[short] = value
        last_path = path
    return grouped


def _find(root: object, keys: tuple[str, str]) -> Iterator[ReceiptEntry]:
    """Walk without recursion, in the order things stand; a bound ends what is absurdly large."""
    stack: list[object] = [root]
    for _ in range(MAX_VALUES):
        if not stack:
            return
        value = stack.pop()
        if isinstance(value, Mapping):
            name = value.get("name")
            name = name if isinstance(name, str) else None
            yield from _entries([value.get(keys[0])], name)
            yield from _entries([value.get(keys[1])], None)
            for key in keys:
                listed = value.get(key)
                yield from _entries(listed if isinstance(listed, list) else [], None)
            stack.extend(reversed(list(value.values())))
        elif isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, str):
            # JSON in a field of a form, or in a string of JSON.
            stack.append(_load(value))


def _entries(values: Sequence[object], name: str | None) -> Iterator[ReceiptEntry]:
    for value in values:
        message_id = read_id(value)
        if message_id is not None:
            yield ReceiptEntry(message_id, name)
