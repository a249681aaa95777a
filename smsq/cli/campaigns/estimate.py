"""What a campaign takes: recipients, parts, price, requests, hours, and the characters that cost.

In:  recipients on their way into a campaign, or into nothing. Out: numbers; caps that are passed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from smsq.intake.intake import Filled
from smsq.models import MessageRequest
from smsq.queue import SmsQueue
from smsq.text.cheaper import shorten
from smsq.text.parts import count_parts, find_ucs2
from smsq.text.phone_set import SeenPhones

#: Phones looked up at once.
_LOOKUP_PHONES = 1000


class Estimate:
    """Counts recipients on their way into a campaign.

    Args:
        into: Where they go on to.

    Attributes:
        parts: Of all their texts.
        plain_parts: Of the same texts with SMSQ_SMART_TEXT=1.
        ucs2_rows: Recipients whose text travels in UCS-2.
        ucs2_characters: Character that forces it → recipients whose text holds it.
        first_text: As the first recipient would get it; None before there is one.
    """

    def __init__(self, into: Filled) -> None:
        self.recipients = 0
        self.parts = 0
        self.plain_parts = 0
        self.ucs2_rows = 0
        self.ucs2_characters: Counter[str] = Counter()
        self.first_text: str | None = None
        self._into = into
        self._shared_text: str | None = None
        self._shared_parts = self._shared_plain = 0
        self._shared_ucs2: set[str] = set()

    def start_message(self, head: MessageRequest) -> None:
        """Begin a message."""
        self._shared_text = head.text
        self._shared_parts, self._shared_plain = _count_both(head.text or "")
        self._shared_ucs2 = find_ucs2(head.text or "")
        self._into.start_message(head)

    def add(self, phone: str, text: str | None, reference: str | None = None) -> bool:
        """Add a recipient; False when its phone came before."""
        if not self._into.add(phone, text, reference):
            return False
        self.recipients += 1
        if self.first_text is None:
            self.first_text = self._shared_text if text is None else text
        shared = self._shared_parts, self._shared_plain
        parts, plain = shared if text is None else _count_both(text)
        self.parts, self.plain_parts = self.parts + parts, self.plain_parts + plain
        if ucs2 := self._shared_ucs2 if text is None else find_ucs2(text):
            self.ucs2_rows += 1
            self.ucs2_characters.update(ucs2)
        return True


def _count_both(text: str) -> tuple[int, int]:
    """Count the parts of a text as it is, and written plainly."""
    parts, plain = count_parts(text).count, shorten(text)
    return parts, parts if plain is text else count_parts(plain).count


class Nowhere:
    """Takes recipients and stores none: for a dry run.

    Attributes:
        opted_out: How many are on the opt-out list.
    """

    def __init__(self, queue: SmsQueue) -> None:
        self.opted_out = 0
        self._queue = queue
        self._seen = SeenPhones()
        self._waiting: list[str] = []

    def start_message(self, head: MessageRequest) -> None:
        """Begin a message."""
        self._seen.clear()

    def add(self, phone: str, text: str | None, reference: str | None = None) -> bool:
        """Take a recipient; False when its phone came before."""
        if not self._seen.add(int(phone)):
            return False
        self._waiting.append(phone)
        if len(self._waiting) == _LOOKUP_PHONES:
            self.look_up()
        return True

    def look_up(self) -> None:
        """Look up those that are not looked up yet."""
        self.opted_out += self._queue.optout._count(self._waiting)
        self._waiting.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What a campaign may take at most; None for no bound.

    Attributes:
        price_per_part: `SMSQ_PRICE_PER_PART`.
    """

    parts: int | None
    price: Decimal | None
    price_per_part: Decimal | None

    @property
    def are_set(self) -> bool:
        """True when there is a bound."""
        return self.parts is not None or self.price is not None

    def find_passed(self, parts: int) -> list[str]:
        """Say which bounds so many parts would pass."""
        passed = []
        if self.parts is not None and parts > self.parts:
            passed.append(f"it takes {parts:,} parts, and --max-parts is {self.parts:,}")
        price = self.price_of(parts)
        if price is not None and self.price is not None and price > self.price:
            passed.append(
                f"it costs {say_price(price)}, and --max-price is {say_price(self.price)}"
            )
        return passed

    def price_of(self, parts: int) -> Decimal | None:
        """Say what so many parts cost; None where nobody told a price."""
        return None if self.price_per_part is None else self.price_per_part * parts


def say_price(price: Decimal) -> str:
    """Write a price with at least two places, as in `2,450.00` or `0.035`."""
    places = -int(price.normalize().as_tuple().exponent)
    return f"{price:,.{max(2, places)}f}"
