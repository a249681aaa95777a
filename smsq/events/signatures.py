"""Signs what is posted to the webhook, and lets its receiver check it. Pure, but for the clock.

In:  a body, a secret, a time. Out: the value of `X-Smsq-Signature`; whether one is genuine.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time

TIMESTAMP_HEADER = "X-Smsq-Timestamp"
SIGNATURE_HEADER = "X-Smsq-Signature"

_SECONDS = re.compile(r"[0-9]{1,12}")


def sign_webhook(body: bytes, timestamp: str, secret: str) -> str:
    """Sign a body with its time: HMAC-SHA256 over `<timestamp>.<body>`."""
    signed = timestamp.encode() + b"." + body
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify_webhook(
    body: bytes | str,
    timestamp: str | None,
    signature: str | None,
    secret: str,
    tolerance_s: float = 300,
    *,
    now_s: float | None = None,
) -> bool:
    """Check that a post came from smsq, unchanged and lately; in constant time.

    Args:
        body: As received, not parsed and written anew.
        timestamp: `X-Smsq-Timestamp`; None where the header is missing.
        signature: `X-Smsq-Signature`, likewise.
        secret: `SMSQ_WEBHOOK_SECRET`.
        tolerance_s: An older post is refused: somebody may be repeating it.
        now_s: Seconds since 1970; None for the clock.
    """
    if not secret or not signature or not timestamp or not _SECONDS.fullmatch(timestamp):
        return False
    now_s = time.time() if now_s is None else now_s
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    expected = sign_webhook(raw, timestamp, secret).encode()
    is_genuine = hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass"))
    return is_genuine and abs(now_s - int(timestamp)) <= tolerance_s
