"""The page "History": what went on in the last hours, up to 72.

In:  minutes that were measured. Out: the template `history.html`, with charts drawn here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from smsq.measures.folding import QUARTER
from smsq.measures.histograms import Histogram
from smsq.measures.readings import Measures, Readings, add_up
from smsq.names import Queue
from smsq.store.clock import ledger_time
from worker.page.charts import Chart, draw_lines, stack
from worker.page.frame import Page, Shown, View, Visit

#: Hours that can be chosen, with the minutes of one bar.
SPANS: Mapping[int, int] = {1: 1, 6: 5, 24: 20, 72: 60}

_USUAL_HOURS = 6

#: Outcomes of requests, as they are stacked.
OUTCOMES = (
    *("accepted", "refused", "busy", "temporary", "not_sent", "unknown"),
    *("no_money", "misconfigured"),
)

#: Rows of a table; the rest is added up.
_MOST_ROWS = 12

_STATES = ("delivered", "undelivered", "no_report")


@dataclass(frozen=True, slots=True)
class Slice:
    """The time of one bar.

    Attributes:
        measures: Of what began in it: no minute is in two of them.
        minutes: So many of them. Where minutes are kept together (`Measures.minutes`), the first
            slice has them all, and the next has none.
        around: Of all that touches it, for percentiles.
        per_minute: Requests that send, by outcome; those kept together are spread over their time.
    """

    at: datetime
    measures: Measures
    minutes: int
    around: Measures
    per_minute: Mapping[str, float]
    rate_per_s: float | None


@dataclass(frozen=True, slots=True)
class Final:
    """Recipients of one sender or country that became final."""

    name: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many."""
        return sum(self.counts.values())

    @property
    def delivered(self) -> float:
        """Share of them that were delivered, 0 to 1."""
        return self.counts.get("delivered", 0) / self.total if self.total else 0.0


def show(visit: Visit) -> Shown:
    """Show the history, the same to all viewers."""
    hours = read_hours(visit.query.get("hours", ""))
    scripts = visit.services.scripts
    now = ledger_time(scripts.redis, scripts.keys)
    now_s = now.now_s + now.stepped_s
    # A quarter that began before may reach into the first bar.
    since_s = now_s - hours * 3600 - QUARTER * 60
    slices = cut(Readings(scripts).minutes(since_s, now_s), hours, now_s)
    total = add_up(one.measures for one in slices)
    return Shown(
        "history.html",
        {
            "hours": hours,
            "spans": [*SPANS],
            "slices": slices,
            "rows": [one for one in reversed(slices) if one.minutes > 0 or one.measures.fields],
            "outcomes": [name for name in OUTCOMES if total.outcomes[name]],
            "requests": chart_requests(slices),
            "waits": chart_waits(slices),
            "answers": chart_answers(slices),
            "rates": draw_lines({"rate": [one.rate_per_s for one in slices]}),
            "total": total,
            "codes": codes_of(total),
            "senders": list_finals(total.final_by_sender),
            "countries": list_finals(total.final_by_country),
            "states": _STATES,
            "busy": busy_of,
            "wait_of": wait_of,
            "answer_of": answer_of,
        },
    )


def read_hours(written: str) -> int:
    """Read how many hours are asked for; 6 where it is none of those that can be chosen."""
    return next((hours for hours in SPANS if str(hours) == written), _USUAL_HOURS)


def cut(minutes: Mapping[int, Measures], hours: int, now_s: float) -> list[Slice]:
    """Put minutes together, as many as a bar stands for; the last slice has the current minute."""
    size = SPANS[hours]
    last = int(now_s // 60) // size
    return [
        _cut_one(minutes, range(n * size, (n + 1) * size))
        for n in range(last - hours * 60 // size + 1, last + 1)
    ]


def _cut_one(minutes: Mapping[int, Measures], of: range) -> Slice:
    reach = range(of.start - QUARTER + 1, of.stop)
    touching = [(m, minutes[m]) for m in reach if m in minutes]
    touching = [(m, one) for m, one in touching if m + one.minutes > of.start]
    begun = [(m, one) for m, one in touching if m in of]
    # What began earlier and reaches in stands in another slice, what reaches out in this one.
    taken = sum(min(m + one.minutes, of.stop) - of.start for m, one in touching if m not in of)
    beyond = sum(max(0, m + one.minutes - of.stop) for m, one in begun)
    per_minute: defaultdict[str, float] = defaultdict(float)
    for m, one in touching:
        share = (min(m + one.minutes, of.stop) - max(m, of.start)) / one.minutes / len(of)
        for outcome, number in one.outcomes.items():
            per_minute[outcome] += number * share
    rates = [one.rate_per_s for _, one in touching if one.rate_per_s is not None]
    return Slice(
        at=datetime.fromtimestamp(of.start * 60, UTC),
        measures=add_up(one for _, one in begun),
        minutes=len(of) - taken + beyond,
        around=add_up(one for _, one in touching),
        per_minute=per_minute,
        rate_per_s=rates[-1] if rates else None,
    )


def chart_requests(slices: Sequence[Slice]) -> Chart:
    """Stack requests a minute that send, by their outcome."""
    used = [name for name in OUTCOMES if any(one.per_minute.get(name) for one in slices)]
    return stack({name: [one.per_minute.get(name, 0.0) for one in slices] for name in used})


def chart_waits(slices: Sequence[Slice]) -> Chart:
    """Draw how long codes waited for their request, in seconds."""
    return draw_lines({f"p{share}": [wait_of(one, share) for one in slices] for share in (50, 95)})


def chart_answers(slices: Sequence[Slice]) -> Chart:
    """Draw how long the gateway took for a request that sends, in seconds."""
    return draw_lines({f"p{n}": [answer_of(one, n) for one in slices] for n in (50, 95)})


def wait_of(one: Slice, percent: int) -> float | None:
    """Seconds within which so many of a hundred codes had their request; None without codes."""
    waits = one.around.enqueue_to_request.get(Queue.URGENT)
    return waits.percentile_s(percent / 100) if waits else None


def answer_of(one: Slice, percent: int) -> float | None:
    """Seconds within which so many of a hundred sends were answered; None without any."""
    times = one.around.request_times.items()
    sends = [times for (endpoint, _), times in times if endpoint.startswith("send")]
    counts: Counter[int] = Counter()
    for histogram in sends:
        counts.update(histogram.counts)
    return Histogram(counts).percentile_s(percent / 100)


def busy_of(one: Slice) -> int:
    """Requests that were answered 429."""
    return sum(n for (_, outcome, _), n in one.measures.requests.items() if outcome == "busy")


def codes_of(total: Measures) -> Mapping[str, float | None]:
    """Percentiles of codes over the whole time."""
    to_request = total.enqueue_to_request.get(Queue.URGENT, Histogram())
    to_phone = total.enqueue_to_delivered.get(Queue.URGENT, Histogram())
    return {
        "request_p50": to_request.percentile_s(0.5),
        "request_p95": to_request.percentile_s(0.95),
        "delivered_p50": to_phone.percentile_s(0.5),
        "delivered_p95": to_phone.percentile_s(0.95),
    }


def list_finals(numbers: Mapping[tuple[str, str], int]) -> list[Final]:
    """List senders or countries, the largest first; the name of what is added up is empty."""
    by_name: dict[str, dict[str, int]] = {}
    for (name, state), n in numbers.items():
        by_name.setdefault(name, {})[state] = n
    rows = sorted(
        (Final(name, counts) for name, counts in by_name.items()),
        key=lambda one: (-one.total, one.name),
    )
    if len(rows) <= _MOST_ROWS:
        return rows
    rest: Counter[str] = Counter()
    for one in rows[_MOST_ROWS:]:
        rest.update(one.counts)
    return [*rows[:_MOST_ROWS], Final("", rest)]


PAGE = Page("history", views=[View("/history", show, shared_s=15.0, again_s=60)])
