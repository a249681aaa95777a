"""Summary: what was measured in some time, in the numbers that people ask for. Pure.

In:  `Measures` of that time, and of the day before it. Out: rows to be shown, or written as JSON.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smsq.measures.histograms import Histogram
from smsq.measures.readings import Measures


@dataclass(frozen=True, slots=True)
class Speed:
    """How long messages of one priority took; percentiles in seconds, None where there are none.

    Attributes:
        requested: Jobs that had their first request.
        delivered: Recipients of whom we learnt that they have it.
    """

    priority: str
    requested: int
    request_p50_s: float | None
    request_p95_s: float | None
    delivered: int
    delivered_p50_s: float | None
    delivered_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of one endpoint that came to the same."""

    endpoint: str
    outcome: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Answers:
    """How fast one endpoint answered; percentiles in seconds."""

    endpoint: str
    count: int
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Recipients of one sender or country that became final.

    Attributes:
        name: The sender, or the country's calling code.
        share: Of them were delivered, 0 to 1.
        day_before: The share of the day before; None where nothing became final.
    """

    name: str
    delivered: int
    undelivered: int
    no_report: int
    share: float
    day_before: float | None


def list_speeds(measures: Measures, priorities: Iterable[str]) -> list[Speed]:
    """Say how long messages took, a row for each priority."""
    to_request, to_phone = measures.enqueue_to_request, measures.enqueue_to_delivered
    return [
        Speed(priority, *_tell(to_request.get(priority)), *_tell(to_phone.get(priority)))
        for priority in priorities
    ]


def list_requests(measures: Measures) -> list[Requests]:
    """List requests by what they came to, the most frequent first."""
    rows = [Requests(*labels, count) for labels, count in measures.requests.items() if count]
    return sorted(rows, key=lambda row: (-row.count, row.endpoint, row.outcome, row.reason))


def list_answers(measures: Measures) -> list[Answers]:
    """Say how fast each endpoint answered, whatever it said."""
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for (endpoint, _), times in measures.request_times.items():
        counts[endpoint].update(times.counts)
    return [Answers(endpoint, *_tell(Histogram(found))) for endpoint, found in counts.items()]


def list_deliveries(
    now: Mapping[tuple[str, str], int], before: Mapping[tuple[str, str], int]
) -> list[Deliveries]:
    """List senders or countries, those with the most recipients first.

    Args:
        now: Name and state → recipients that became final in this time.
        before: The same of the day before.
    """
    day, found = _by_name(before), _by_name(now)
    rows = [
        Deliveries(
            name,
            delivered=states["delivered"],
            undelivered=states["undelivered"],
            no_report=states["no_report"],
            share=_share(states) or 0.0,
            day_before=_share(day.get(name, Counter())),
        )
        for name, states in found.items()
    ]
    return sorted(rows, key=lambda row: (-found[row.name].total(), row.name))


def _by_name(numbers: Mapping[tuple[str, str], int]) -> Mapping[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (name, state), number in numbers.items():
        found[name][state] += number
    return found


def _share(states: Counter[str]) -> float | None:
    return states["delivered"] / states.total() if states.total() else None


def _tell(times: Histogram | None) -> tuple[int, float | None, float | None]:
    found = times or Histogram()
    return found.count, _rounded(found, 0.5), _rounded(found, 0.95)


def _rounded(times: Histogram, share: float) -> float | None:
    seconds = times.percentile_s(share)
    return None if seconds is None else round(seconds, 3)
