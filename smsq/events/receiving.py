"""A web app's end of the webhook: a post becomes events. Pure, but for the clock.

In:  body and headers as any framework has them, secrets. Out: the events, once the signature fits.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from smsq.environment.secrets import make_key, split_secrets
from smsq.errors import ConfigError, WebhookError
from smsq.events.events import Event
from smsq.events.signatures import (
    ID_HEADER,
    SECONDS,
    SIGNATURES_HEADER,
    TIME_HEADER,
    TOLERANCE_S,
    has_signature,
)
from smsq.events.wire import load_event
from smsq.frames import guarded_function

log = logging.getLogger(__name__)

#: Headers of a request: a mapping, or pairs as ASGI has them, of text or of bytes.
Headers = Mapping[str, Any] | Iterable[tuple[str | bytes, Any]]


@guarded_function
def parse_webhook(
    body: bytes | str,
    headers: Headers,
    secrets: str | Iterable[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now_s: float | None = None,
) -> list[Event]:
    """Check that a post is from smsq, unchanged and recent, and read its events.

    Args:
        body: As received, not parsed and written anew.
        headers: Of the request, in any case and any order: `request.headers` of Django, Flask and
            Starlette, a WSGI environ or Django's `META` (`HTTP_WEBHOOK_ID`), ASGI's pairs of bytes.
        secrets: `SMSQ_WEBHOOK_SECRET`: one, `new,old`, or several; any of them will do.
        tolerance_s: A post may be so many seconds old, or ahead of the clock.
        now_s: Seconds since 1970; None for the clock.

    Returns:
        The events in order, as `SmsQueue.events` gives them. Those that only a newer smsq knows
        are left out, with a line in the log.

    Raises:
        WebhookError: Answer with 400 or 403; `code` says what is wrong.
        ConfigError: No secret is given, or one that begins with `whsec_` is no base64.
    """
    keys = _check_secrets(secrets)
    told = _find_headers(headers)
    message_id, timestamp, signatures = (
        told.get(name, "") for name in (ID_HEADER, TIME_HEADER, SIGNATURES_HEADER)
    )
    if not message_id or not signatures or not SECONDS.fullmatch(timestamp):
        raise WebhookError("no_signature", f"{ID_HEADER} and its like are missing or unreadable")
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
    if not has_signature(raw, message_id, timestamp, signatures, keys):
        raise WebhookError("wrong_signature", "no signature fits the body and a secret")
    age_s = (time.time() if now_s is None else now_s) - int(timestamp)
    if not abs(age_s) <= tolerance_s:  # what is no number is no time
        raise WebhookError("too_old", f"the post is {age_s:.0f} s old by this clock")
    return list(_read_events(raw))


def _check_secrets(secrets: str | Iterable[str]) -> list[str]:
    found: list[str] = []
    try:
        found += split_secrets(secrets)
        for secret in found:
            make_key(secret)
    except ValueError as error:
        mistake = f"webhook secret: {error}"
    except (TypeError, AttributeError):
        mistake = "webhook secret: write a string, or several"
    else:
        mistake = "" if found else "webhook secret: write what SMSQ_WEBHOOK_SECRET says"
    if mistake:
        raise ConfigError([mistake])
    return found


def _find_headers(headers: Headers) -> dict[str, str]:
    """Find the headers by their usual names, whatever form they have; of two the first counts."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, str] = {}
    for name, value in cast("Iterable[tuple[Any, Any]]", pairs):
        usual = _to_text(name).lower().replace("_", "-").removeprefix("http-")
        if usual.startswith("webhook-"):
            found.setdefault(usual, _to_text(value).strip())
    return found


def _to_text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _read_events(body: bytes) -> Iterator[Event]:
    try:
        documents = json.loads(body)["events"]
        events = [load_event(document) for document in documents]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = type(error).__name__
    else:
        if newer := events.count(None):
            log.warning("webhook: %d events left out that only a newer smsq knows", newer)
        yield from (event for event in events if event is not None)
        return
    raise WebhookError("unreadable", f"the body is signed and holds no events ({problem})")
