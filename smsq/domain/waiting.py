"""How long a message that is enqueued now waits for its request. Pure.

In:  what waits before it, the rate, the last hour. Out: half of them are requested within p50_s
seconds, nineteen of twenty within p95_s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

#: Of the classes that may send, the most urgent first.
CLASSES = ("urgent", "normal", "bulk")

#: From a free slot to the request: a claim, two round trips.
_CLAIM_S = 0.02

#: Of ten slots, the less urgent have one while they wait.
_URGENT_SHARE = 0.9

#: Fewer messages say little of an hour.
_LEAST = 20


@dataclass(frozen=True, slots=True)
class Promise:
    """How soon a message that is enqueued now is requested at the gateway.

    Attributes:
        p50_s: Half of such messages within so many seconds; infinite while sending is paused.
        p95_s: Nineteen of twenty.
    """

    p50_s: float
    p95_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What decides how long it takes.

    Attributes:
        ready: Class → jobs in line; `poll` for pages of reports.
        per_s: Requests a second in force.
        poll_share: Of the slots, while polls wait.
        closed_s: The gate is closed for so long yet; infinite for a pause.
        seen: How long messages of this class waited in the last hour: how many there were, and
            within which seconds half of them were requested, and nineteen of twenty.
    """

    ready: Mapping[str, int]
    per_s: float
    poll_share: float
    closed_s: float = 0.0
    seen: tuple[int, float, float] = (0, 0.0, 0.0)


def promise(priority: str, line: Line) -> Promise:
    """Say how long a message of a class waits."""
    place = CLASSES.index(priority) + 1
    ahead = sum(line.ready.get(name, 0) for name in CLASSES[:place])
    behind = sum(line.ready.get(name, 0) for name in CLASSES[place:])
    polls = line.ready.get("poll", 0)
    if not ahead + behind + polls:
        return _from_hour(line)
    share = line.poll_share if polls else 0.0
    slot_s = 1 / line.per_s
    # Those before it share the slots with polls, and with one in ten of those behind it.
    for_line_s = ahead * slot_s / (1 - share) / (_URGENT_SHARE if behind and ahead else 1.0)
    p50_s, p95_s = (
        line.closed_s + for_line_s + _CLAIM_S + slot_s * _slots(part, share) for part in (0.5, 0.95)
    )
    return Promise(p50_s, p95_s)


def _from_hour(line: Line) -> Promise:
    """Nothing waits: it is as it was, or the next slot is free."""
    count, p50_s, p95_s = line.seen
    if count < _LEAST:
        p50_s = p95_s = _CLAIM_S
    return Promise(line.closed_s + p50_s, line.closed_s + p95_s)


def _slots(part: float, share: float) -> float:
    """Within how many slots a part of messages has one, where polls take a share of them.

    The first slot comes within one slot's time, evenly; each one after it is reached by those whom
    polls took the one before.
    """
    if share <= 0:
        return part
    nth = math.floor(math.log(1 - part) / math.log(share)) if share < 1 else 0
    before, through = 1 - share**nth, 1 - share ** (nth + 1)
    return nth + (part - before) / (through - before)
