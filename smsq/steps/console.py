"""The gateway of a developer's machine, `SMSQ_GATEWAY_URL=console:`: it prints, and delivers all.

In:  requests, as the gateway's client takes them. Out: lines on stdout; acceptance, receipts and
reports, as a gateway has them.
Never: a full phone, and no text where nobody sits at a terminal, unless it is asked for.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TextIO
from unicodedata import category
from zoneinfo import ZoneInfo

from redis import Redis

from smsq.delivery.matching import Matching
from smsq.environment.console import CONSOLE_WITH_TEXT
from smsq.gateway.reports import ReportPage
from smsq.models import BulkAccepted, MessageRequest, QuickAccepted, QuickRequest
from smsq.settings import Settings
from smsq.store.keys import Keys
from smsq.text.parts import count_parts
from smsq.text.phones import mask_phone

#: Phones of a message that are printed.
_MOST_SHOWN = 3

#: Its ids are kept for a little longer than reports are asked for.
_MARGIN_S = 86_400


class ConsoleGateway:
    """Prints what would be sent. Thread-safe; workers share its ids, through Redis.

    Args:
        settings: Of the worker.
        redis: Of the ledger.
        matching: Takes the receipts of bulk requests.
        out: Where it prints.
    """

    def __init__(
        self, settings: Settings, redis: Redis, matching: Matching, out: TextIO | None = None
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._keys = Keys(settings.namespace)
        self._matching = matching
        # Celery turns sys.stdout into a log, which may be kept.
        self._out: TextIO | None = out or sys.__stdout__ or sys.stdout
        is_asked = settings.gateway_url == CONSOLE_WITH_TEXT
        self._shows_text = is_asked or _is_terminal(self._out)

    def send_quick(self, request: QuickRequest) -> QuickAccepted:
        """Print one text and accept it."""
        self._print(request.alphaname_id, [request.phone], request.text)
        message_id = self._accept([request.phone])
        parts = count_parts(request.text).count
        return QuickAccepted(sms_id=message_id, gateway_status="NEW", parts=parts)

    def send_bulk(self, messages: Sequence[MessageRequest], callback_url: str) -> BulkAccepted:
        """Print the texts, accept them and give the receipt."""
        listed = []
        for message in messages:
            phones = list(message.recipients)
            first = next(iter(message.recipients.values()), None)
            self._print(message.alphaname_id, phones, message.text or first or "")
            listed.append({"message_id": self._accept(phones), "name": message.name})
        uuid = secrets.token_hex(8)
        body = json.dumps({"uuid": uuid, "success": "OK", "messages": listed}).encode()
        job_id = callback_url.rpartition("/receipts/")[2].partition("/")[0]
        self._matching.take_receipt(job_id, body, "application/json")
        return BulkAccepted(uuid=uuid)

    def fetch_reports(
        self,
        message_id: int,
        *,
        offset: int,
        rows: int,
        size: int = 0,
    ) -> ReportPage:
        """Report everybody delivered."""
        known: Any = self._redis.get(self._keys.console(message_id))
        phones: list[str] = json.loads(known) if known else []
        now = datetime.now(ZoneInfo(self._settings.timezone)).strftime("%Y-%m-%d %H:%M:%S")
        page = phones[offset : offset + rows]
        return ReportPage([{"phone": p, "status": "delivered", "d_sent": now} for p in page])

    def close(self) -> None:
        """There is nothing to close."""

    def _accept(self, phones: Sequence[str]) -> int:
        message_id = secrets.randbelow(9 * 10**9) + 10**9
        kept_s = round(self._settings.poll_horizon_s) + _MARGIN_S
        self._redis.set(self._keys.console(message_id), json.dumps(list(phones)), ex=kept_s)
        return message_id

    def _print(self, sender: str, phones: Sequence[str], text: str) -> None:
        shown = ", ".join(mask_phone(phone) for phone in phones[:_MOST_SHOWN])
        more = len(phones) - _MOST_SHOWN
        others = f" and {more} more" if more > 0 else ""
        said = text if self._shows_text else f"({len(text)} characters)"
        _say(self._out, f"sms from {sender} to {shown}{others}: {said}")


def _is_terminal(out: TextIO | None) -> bool:
    try:
        return out is not None and out.isatty()
    except ValueError:  # it is closed
        return False


def _say(out: TextIO | None, said: str) -> None:
    """Print as much as can be printed: a job must not depend on who reads along.

    A text may have control characters in it, which a terminal would obey; and characters that this
    one's encoding lacks.
    """
    encoding = getattr(out, "encoding", None) or "utf-8"
    shown = "".join(c if c == "\n" or category(c) != "Cc" else ascii(c)[1:-1] for c in said)
    with suppress(OSError, ValueError):
        print(shown.encode(encoding, "backslashreplace").decode(encoding), file=out, flush=True)
