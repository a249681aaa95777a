"""Who reads the news, and how. Pure.

In:  what a caller of `SmsQueue.events` writes. Out: a checked `Subscription`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from smsq.names import Start

_MAX_NAME = 100


class EventOptions(TypedDict):
    """What `SmsQueue.events` takes; `Subscription` says what each means."""

    group: str
    consumer: str
    block_s: NotRequired[float | None]
    count: NotRequired[int]
    claim_after_s: NotRequired[float]
    start: NotRequired[Literal["now", "oldest"]]


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
        for name, value in (("group", self.group), ("consumer", self.consumer)):
            if not 0 < len(value) <= _MAX_NAME:
                raise ValueError(f"{name}: write 1 to {_MAX_NAME} characters")
        if self.block_s is not None and not self.block_s >= 0:
            raise ValueError("block_s: write 0 or more, or None")
        if self.count < 1:
            raise ValueError("count: write 1 or more")
        if not self.claim_after_s > 0:
            raise ValueError("claim_after_s: write a number above 0")
        if self.start not in tuple(Start):
            raise ValueError("start: write now or oldest")
