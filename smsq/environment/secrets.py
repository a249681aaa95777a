"""Secrets that are changed without a gap: `new,old`. Pure.

In:  what an operator or a web app wrote. Out: secrets, the newest first; the key of one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence

#: A shorter one can be guessed.
MIN_SECRET = 16
#: `aaaaaaaaaaaaaaaa` is no secret.
_LEAST_DIFFERENT = 6
#: Nor is what examples have.
_PLACEHOLDERS = ("changeme", "yoursecret", "0123456789abcdef", "1234567890123456")

#: What secrets begin with that are bytes, written in base64, as Standard Webhooks have them.
_BYTES = "whsec_"


def split_secrets(secrets: str | Iterable[str]) -> Sequence[str]:
    """Take secrets apart: `new,old`, or several strings; spaces around them are no part of them."""
    parts = secrets.split(",") if isinstance(secrets, str) else list(secrets)
    return [part.strip() for part in parts if part.strip()]


def make_key(secret: str) -> bytes:
    """Make the key that a secret means.

    Raises:
        ValueError: What follows `whsec_` is no base64.
    """
    if not secret.startswith(_BYTES):
        return secret.encode("utf-8", "surrogatepass")
    written = secret.removeprefix(_BYTES).rstrip("=")
    try:
        key = base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(f"write base64 after {_BYTES}, or a secret that begins otherwise")
    return key


def parse_secrets(text: str) -> str:
    """Check secrets as `SMSQ_CALLBACK_SECRET` has them; returns them as written.

    Raises:
        ValueError: One can be guessed.
    """
    found = split_secrets(text)
    if not found or any(len(secret) < MIN_SECRET for secret in found):
        for_each = " for each" * (len(found) > 1)
        raise ValueError(f"write {MIN_SECRET} characters or more{for_each}")
    if not all(secret.isascii() and secret.isprintable() for secret in found):
        raise ValueError("write printable ASCII characters, such as smsq secret makes")
    if any(map(_is_weak, found)):
        raise ValueError("it is easily guessed: write one that smsq secret makes")
    return text


def _is_weak(secret: str) -> bool:
    plain = "".join(c for c in secret.lower() if c.isalnum())
    return len(set(secret)) < _LEAST_DIFFERENT or any(word in plain for word in _PLACEHOLDERS)


def find_shared(callback: str | None, webhook: str | None) -> Sequence[str]:
    """Say what is wrong where receipts and events are signed by one secret; nothing else."""
    if set(split_secrets(callback or "")).isdisjoint(split_secrets(webhook or "")):
        return ()
    return (
        "SMSQ_CALLBACK_SECRET and SMSQ_WEBHOOK_SECRET are the same: whoever gets your events could "
        "forge receipts: make another one with smsq secret",
    )


def parse_signing_secrets(text: str) -> str:
    """Check secrets as `SMSQ_WEBHOOK_SECRET` has them: `whsec_...` must be base64."""
    for secret in split_secrets(parse_secrets(text)):
        make_key(secret)
    return text
