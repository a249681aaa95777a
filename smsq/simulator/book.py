"""The book: what was accepted, how often each text for each phone, what became of it.

In:  accepted messages and the time. Out: ids, states, counts. States are computed when asked for,
so a hundred thousand recipients need no timers.
"""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from smsq.simulator.contract import Bulk, Quick
from smsq.simulator.faults import UNDELIVERED_SUFFIX
from smsq.simulator.options import Options

_FIRST_ID = 2197871
_ODD_WORDS = ("queued", "In process", "buffered by SMSC", "EXPIRED")


@dataclass(frozen=True, slots=True)
class Message:
    """One accepted message.

    Attributes:
        starts_at_s: When the gateway begins to send it, seconds since 1970.
    """

    message_id: int
    name: str
    uuid: str
    accepted_at_s: float
    starts_at_s: float
    phones: Sequence[str]


class Book:
    """What the simulated gateway has accepted."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        #: Phones of accepted messages whose sender could not know it by the answer.
        self.doubtful: set[str] = set()
        self.accepted: Counter[tuple[str, str]] = Counter()
        self._ids = itertools.count(_FIRST_ID)

    def accept_quick(self, quick: Quick, now_s: float) -> Message:
        """Accept a quick message."""
        return self._accept("", "", {quick.phone: quick.text}, now_s, now_s)

    def accept_bulk(self, bulk: Bulk, now_s: float, options: Options) -> list[Message]:
        """Accept all messages of a bulk request, under one uuid."""
        shared = str(uuid.uuid4())
        zone = ZoneInfo(options.timezone)
        accepted = []
        for part in bulk.parts:
            starts_at_s = now_s
            if part.schedule_time:
                scheduled_s = part.schedule_time.replace(tzinfo=zone).timestamp()
                starts_at_s = max(now_s, scheduled_s)
            accepted.append(self._accept(part.name, shared, part.recipients, now_s, starts_at_s))
        return accepted

    def word(self, message: Message, phone: str, now_s: float, options: Options) -> str:
        """Say how the gateway calls a recipient's state now."""
        age_s = now_s - message.starts_at_s
        if age_s < options.sent_after_s:
            return "NEW"
        is_final = age_s >= options.final_after_s
        # Dice that fall the same way in every run and on every page.
        dice = hashlib.blake2b(f"{options.seed}:{phone}".encode(), digest_size=8).digest()
        first, second = (int.from_bytes(half) / 2**32 for half in (dice[:4], dice[4:]))
        if not is_final:
            return _ODD_WORDS[dice[0] % 3] if first < options.odd_word_share else "sent"
        is_unreachable = options.magic and phone.endswith(UNDELIVERED_SUFFIX)
        if is_unreachable or second < options.undelivered_share:
            return _ODD_WORDS[3] if first < options.odd_word_share else "undelivered"
        return "delivered"

    def rows(
        self, message: Message, phones: Sequence[str], now_s: float, options: Options
    ) -> list[dict[str, object]]:
        """Write report rows: the phone as a number, local times without a zone."""
        zone = ZoneInfo(options.timezone)
        sent_at = datetime.fromtimestamp(message.starts_at_s, zone) + timedelta(
            seconds=options.sent_after_s
        )
        d_sent = sent_at.strftime("%Y-%m-%d %H:%M:%S")
        rows: list[dict[str, object]] = []
        for phone in phones:
            word = self.word(message, phone, now_s, options)
            row = {"phone": int(phone), "status": word, "d_sent": d_sent}
            rows.append({**row, "d_sent": None} if word == "NEW" else row)
        return rows

    def summary(self) -> dict[str, object]:
        """Count what was accepted, and name what was accepted more than once."""
        doubled = [(phone, text, n) for (phone, text), n in self.accepted.items() if n > 1]
        return {
            "messages": len(self.messages),
            "accepted": sum(self.accepted.values()),
            "distinct": len(self.accepted),
            "doubled": doubled,
        }

    def states(self, now_s: float, options: Options) -> dict[int, dict[str, str]]:
        """Say how every recipient stands: message id → phone → the gateway's word."""
        return {
            message.message_id: {
                phone: self.word(message, phone, now_s, options) for phone in message.phones
            }
            for message in self.messages.values()
        }

    def _accept(
        self,
        name: str,
        shared: str,
        recipients: Mapping[str, str],
        now_s: float,
        starts_at_s: float,
    ) -> Message:
        message = Message(next(self._ids), name, shared, now_s, starts_at_s, tuple(recipients))
        self.messages[message.message_id] = message
        self.accepted.update(recipients.items())
        return message
