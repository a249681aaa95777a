"""Who reads the news, and how. Pure.

In:  what a caller of `SmsQueue.events` writes. Out: a checked `Subscription`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from smsq.errors import InvalidMessageError
from smsq.mistakes import Mistake, MistakeCode
from smsq.names import Start

_MAX_NAME, _MOST_ENTRIES, _LONGEST_S = 100, 1_000_000, 366 * 24 * 3600
#: Half a character, which no client can send.
_HALF = re.compile(r"[\ud800-\udfff]")


class EventOptions(TypedDict):
    """What `SmsQueue.events` takes; `Subscription` says what each means."""

    group: str
    consumer: str
    block_s: NotRequired[float | None]
    count: NotRequired[int]
    claim_after_s: NotRequired[float]
    start: NotRequired[Literal["now", "oldest"]]


#: What is not written in a call; of these `events` alone needs both names.
DEFAULTS: Mapping[str, object] = {
    "block_s": None,
    "count": 100,
    "claim_after_s": 60.0,
    "start": "now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who reads the news, and how.

    Attributes:
        group: Consumers of one group share the news; each group gets all of it.
        consumer: Of one running consumer alone.
        block_s: Ends after so long without news; None never ends.
        count: Most entries taken in one go.
        claim_after_s: What another consumer has had in hand for so long is taken over.
        start: Where a group begins that is new: `now`, or the `oldest` event that is kept. One that
            was there before goes on where it was.
    """

    group: str
    consumer: str
    block_s: float | None = None
    count: int = 100
    claim_after_s: float = 60.0
    start: Literal["now", "oldest"] = "now"

    def __post_init__(self) -> None:
        code = MistakeCode.OPTION_INVALID
        if mistakes := [Mistake(f"{name}: {told}", code, name) for name, told in self._wrong()]:
            raise InvalidMessageError(mistakes)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        for name in ("group", "consumer"):
            value: object = getattr(self, name)
            if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME or _HALF.search(value):
                yield name, f"write 1 to {_MAX_NAME} characters"
        if self.block_s is not None and not _number(self.block_s) >= 0:
            yield "block_s", "write 0 or more, or None"
        if not 1 <= _number(self.count) <= _MOST_ENTRIES or self.count != int(self.count):
            yield "count", f"write 1 or more, a whole number up to {_MOST_ENTRIES}"
        if not 0 < _number(self.claim_after_s) <= _LONGEST_S:
            yield "claim_after_s", "write a number above 0, at most a year's seconds"
        if not isinstance(self.start, str) or self.start not in tuple(Start):
            yield "start", "write now or oldest"


def _number(raw: object) -> float:
    """Read a number; NaN, which is neither above nor below any other, for what is none."""
    return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else math.nan
