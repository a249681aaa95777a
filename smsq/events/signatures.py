"""Signs what is posted to the webhook, and lets its receiver check it. Pure, but for the clock.

In:  a body, secrets, a time. Out: the headers of a post; whether headers are genuine.

The form is that of Standard Webhooks: HMAC-SHA256 over `<id>.<timestamp>.<body>`, one signature for
each secret. The older form, `X-Smsq-...`, is sent beside it until the next release.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Sequence

from smsq.environment.secrets import make_key, split_secrets
from smsq.frames import guarded_function

ID_HEADER = "webhook-id"
TIME_HEADER = "webhook-timestamp"
SIGNATURES_HEADER = "webhook-signature"

TIMESTAMP_HEADER = "X-Smsq-Timestamp"
SIGNATURE_HEADER = "X-Smsq-Signature"

#: A post may be so old, or so far ahead of the receiver's clock.
TOLERANCE_S: float = 300

SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def sign(body: bytes, message_id: str, timestamp: str, secret: str) -> str:
    """Sign a post as Standard Webhooks do: `v1,<base64>`."""
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    digest = hmac.new(make_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def sign_headers(
    body: bytes, message_id: str, timestamp: str, secrets: Sequence[str]
) -> dict[str, str]:
    """Write the headers of a post.

    Args:
        body: What is posted.
        message_id: The same for each try to post this body.
        timestamp: Seconds since 1970.
        secrets: The newest first. All sign; the older form has one signature, of the oldest, which
            every receiver knows while a secret is changed.
    """
    signatures = [sign(body, message_id, timestamp, secret) for secret in secrets]
    return {
        ID_HEADER: message_id,
        TIME_HEADER: timestamp,
        SIGNATURES_HEADER: " ".join(signatures),
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: sign_webhook(body, timestamp, secrets[-1]),
    }


def has_signature(
    body: bytes, message_id: str, timestamp: str, signatures: str, secrets: Sequence[str]
) -> bool:
    """Check whether one of the signatures is by one of the secrets; in constant time."""
    told = [one.encode("utf-8", "surrogatepass") for one in signatures.split()]
    found = False
    for secret in secrets:
        expected = sign(body, message_id, timestamp, secret).encode()
        for one in told:
            found |= hmac.compare_digest(expected, one)
    return found


def sign_webhook(body: bytes, timestamp: str, secret: str) -> str:
    """Sign a body with its time in the older form: HMAC-SHA256 over `<timestamp>.<body>`."""
    signed = timestamp.encode() + b"." + body
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


@guarded_function
def verify_webhook(
    body: bytes | str,
    timestamp: str | None,
    signature: str | None,
    secret: str,
    tolerance_s: float = TOLERANCE_S,
    *,
    now_s: float | None = None,
) -> bool:
    """Check a post by its older headers; deprecated: use `parse_webhook`.

    Args:
        body: As received, not parsed and written anew.
        timestamp: `X-Smsq-Timestamp`; None where the header is missing.
        signature: `X-Smsq-Signature`, likewise.
        secret: `SMSQ_WEBHOOK_SECRET`; `new,old` while it is changed.
        tolerance_s: An older post is refused: somebody may be repeating it.
        now_s: Seconds since 1970; None for the clock.
    """
    if not signature or not timestamp or not SECONDS.fullmatch(timestamp):
        return False
    now_s = time.time() if now_s is None else now_s
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    told, is_genuine = signature.encode("utf-8", "surrogatepass"), False
    # A secret of today's may have a comma in it.
    for one in {secret, *split_secrets(secret)} - {""}:
        is_genuine |= hmac.compare_digest(sign_webhook(raw, timestamp, one).encode(), told)
    return is_genuine and abs(now_s - int(timestamp)) <= tolerance_s
