"""One post to the webhook: what is in it, and what its answer means. Pure.

In:  events; the status and headers of an answer. Out: a body and its id; what to do next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from smsq.events.events import Event
from smsq.events.wire import dump_event
from smsq.gateway.reasons import read_retry_after_s

_TAKEN = range(200, 300)
_REDIRECTS = range(300, 400)


class Answer(StrEnum):
    """What the receiver made of a post."""

    TAKEN = "taken"
    FAILED = "failed"  #: try again later
    TOO_LARGE = "too_large"  #: 413: try again with less
    GONE = "gone"  #: 410: it wants no more posts


@dataclass(frozen=True, slots=True)
class Posted:
    """What a post came to.

    Attributes:
        error: Why it was not taken; "" when it was.
        hold_s: How long the receiver asked to be left alone; 0 when it did not.
    """

    answer: Answer
    error: str = ""
    hold_s: float = 0.0


def judge(status: int, headers: Mapping[str, str], *, now: datetime) -> Posted:
    """Say what an answer means: 2xx is taken, 410 and 413 mean what they say, the rest is later.

    Args:
        status: Of the answer.
        headers: Of the answer; `Retry-After` counts, seconds or a date, an hour at most.
        now: With a zone.
    """
    if status in _TAKEN:
        return Posted(Answer.TAKEN)
    error = f"status {status}" + ("; redirects are not followed" * (status in _REDIRECTS))
    if status == HTTPStatus.GONE:
        return Posted(Answer.GONE, error)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Posted(Answer.TOO_LARGE, error)
    hold_s = read_retry_after_s(headers.get("Retry-After"), now=now)
    return Posted(Answer.FAILED, error, max(hold_s or 0.0, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The right to post some news.

    Attributes:
        id: The same at every try.
        attempts: Tries, this one included; fences the settling.
        events: Of this post; fewer than there are where the receiver took no larger ones.
        taken: Events of the delivery that earlier posts brought.
        total: Events of the delivery.
        failures: Tries of this post that failed.
    """

    id: str
    attempts: int
    events: Sequence[Event] = field(repr=False)
    taken: int = 0
    total: int
    failures: int = 0

    @property
    def reaches(self) -> int:
        """How many events of the delivery are taken once this post is."""
        return self.taken + len(self.events)

    @property
    def message_id(self) -> str:
        """The same whenever these events are posted, and another for others."""
        is_whole = len(self.events) == self.total
        return self.id if is_whole else f"{self.id}:{self.taken}-{self.reaches}"

    @property
    def body(self) -> bytes:
        """What is posted."""
        document = {"id": self.message_id, "events": [dump_event(event) for event in self.events]}
        return json.dumps(document, separators=(",", ":")).encode()
