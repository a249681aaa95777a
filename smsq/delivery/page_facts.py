"""What is known of a page of reports beside its rows.

In:  how long it is, and the request for it. Out: `PageFacts`, which polls.py writes down.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from smsq.measures.exchange import NO_EXCHANGE, Exchange


class Length(StrEnum):
    """How long a page is, beside what was asked for."""

    USUAL = ""
    CAPPED = "capped"  #: shorter, though recipients are missing
    LAST = "last"  #: shorter, and the list is as long as ours
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """What is known of a page beside its rows.

    Attributes:
        mark: The same for two pages of the same phones; "" where it says nothing.
        unreadable: Rows that could not be read.
        exchange: The request for it.
    """

    length: Length = Length.USUAL
    mark: str = ""
    unreadable: int = 0
    exchange: Exchange = NO_EXCHANGE


#: Nothing is known.
NO_FACTS = PageFacts()
