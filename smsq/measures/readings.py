"""Readings: what was measured, since ever or in each minute of the last 72 hours.

In:  fields that scripts counted up (measure.lua). Out: `Measures`: histograms and counters by name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

from redis import Redis

from smsq.measures.exchange import ANSWERED
from smsq.measures.histograms import Histogram
from smsq.measures.keys import MeasureKeys
from smsq.measures.names import admit, bound, leave_out_notes, read_known
from smsq.measures.packing import MINUTES, RATE, add_fields, join, unpack
from smsq.models import Outcome
from smsq.store.clock import ledger_time
from smsq.store.scripts import Scripts

#: Names of the endpoints, as the gateway has them.
ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {"q": "sendQuickSMS", "b": "sendBulkSms", "p": "getSmsDeliveryList"}
)

#: States of final recipients.
STATES: Mapping[str, str] = MappingProxyType(
    {"d": "delivered", "u": "undelivered", "n": "no_report"}
)

#: Outcomes that are counted by their times alone: they have no reason.
_PASSED = frozenset({Outcome.ACCEPTED.value, ANSWERED})

#: Minutes are kept for so long.
KEEP_MINUTES = 72 * 60

#: Thousandths, and millionths of the currency.
_THOUSANDTHS, _MILLIONTHS = 1000, 1_000_000

_MOST_MINUTES_AT_ONCE = 500


@dataclass(frozen=True)
class Measures:
    """What was measured in some time.

    Attributes:
        fields: As scripts write them (measure.lua).
    """

    fields: Mapping[str, int]

    @cached_property
    def _times(self) -> Mapping[str, Mapping[str, Histogram]]:
        found: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        for field, number in self.fields.items():
            kind, _, rest = field.partition("|")
            if kind in {"e", "w", "a", "d", "q"}:
                label, _, place = rest.rpartition("|")
                found[kind][label][place] = number
        return {
            kind: {label: Histogram.read(rows) for label, rows in by.items()}
            for kind, by in found.items()
        }

    def _of(self, kind: str) -> Mapping[str, Histogram]:
        return self._times.get(kind, {})

    @property
    def enqueue_to_request(self) -> Mapping[str, Histogram]:
        """Priority → from enqueue, or from the time asked for, to the first request of a job."""
        return self._of("e")

    @property
    def slot_wait(self) -> Mapping[str, Histogram]:
        """Class (`urgent`, `normal`, `bulk`, `poll`) → wait in line until a slot was used."""
        return self._of("w")

    @property
    def accepted_to_delivered(self) -> Mapping[str, Histogram]:
        """Priority → from acceptance until we learnt that a recipient has it."""
        return self._of("a")

    @property
    def enqueue_to_delivered(self) -> Mapping[str, Histogram]:
        """Priority → from enqueue until we learnt that a recipient has it."""
        return self._of("d")

    @cached_property
    def request_times(self) -> Mapping[tuple[str, str], Histogram]:
        """Endpoint and outcome → time of a request."""
        rows = {tuple(label.split("|")): times for label, times in self._of("q").items()}
        return {(ENDPOINTS[pair[0]], pair[1]): times for pair, times in rows.items()}

    @cached_property
    def requests(self) -> Mapping[tuple[str, str, str], int]:
        """Endpoint, outcome and reason → how many; the reason of what passed is empty."""
        found = {
            (endpoint, outcome, ""): times.count
            for (endpoint, outcome), times in self.request_times.items()
            if outcome in _PASSED
        }
        for labels, number in self._labelled("r"):
            endpoint, outcome, reason = labels.split("|")
            found[ENDPOINTS[endpoint], outcome, reason] = number
        return found

    @property
    def outcomes(self) -> Counter[str]:
        """Outcome → requests that send, with that outcome."""
        found: Counter[str] = Counter()
        for (endpoint, outcome, _), number in self.requests.items():
            if endpoint != ENDPOINTS["p"]:
                found[outcome] += number
        return found

    @property
    def polls(self) -> int:
        """Requests for a page of reports, whatever they came to."""
        return sum(n for (endpoint, *_), n in self.requests.items() if endpoint == ENDPOINTS["p"])

    @property
    def receipts(self) -> Mapping[str, int]:
        """Result → receipts: kept (`learnt`, `unmatched`), or not (`refused`, `late`, `forged`)."""
        return dict(self._labelled("c"))

    @property
    def parts(self) -> Mapping[str, int]:
        """Priority → SMS parts that the gateway accepted."""
        return dict(self._labelled("p"))

    @property
    def spent(self) -> Mapping[str, float]:
        """Priority → price of those parts, at SMSQ_PRICE_PER_PART when they were accepted."""
        return {priority: number / _MILLIONTHS for priority, number in self._labelled("m")}

    @property
    def final_by_sender(self) -> Mapping[tuple[str, str], int]:
        """Sender and state → recipients that became final."""
        return self._finals("f")

    @property
    def final_by_country(self) -> Mapping[tuple[str, str], int]:
        """Country code and state → recipients that became final."""
        return self._finals("k")

    @property
    def minutes(self) -> int:
        """Minutes that are together: one, or a quarter of an hour."""
        return self.fields.get(MINUTES, 1)

    @property
    def rate_per_s(self) -> float | None:
        """The rate in force at the end of a minute; None where it is not known."""
        number = self.fields.get(RATE)
        return None if number is None else number / _THOUSANDTHS

    def _finals(self, kind: str) -> Mapping[tuple[str, str], int]:
        rows = ((labels.rpartition("|"), number) for labels, number in self._labelled(kind))
        return {(name, STATES[letter]): number for (name, _, letter), number in rows}

    def _labelled(self, kind: str) -> Iterable[tuple[str, int]]:
        begins = f"{kind}|"
        return (
            (field[2:], number) for field, number in self.fields.items() if field.startswith(begins)
        )


def add_up(some: Iterable[Measures]) -> Measures:
    """Add up measures of several times; a rate does not add up and is left out."""
    return Measures(add_fields(measures.fields for measures in some))


class Readings:
    """Reads what was measured. A failing Redis raises `redis.RedisError`."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis: Redis = scripts.redis
        self._keys = MeasureKeys(scripts.keys.namespace)

    def totals(self) -> Measures:
        """Read all since ever, exact over all processes; one call."""
        folded, *open_ones = (read_flat(flat) for flat in self._scripts.run("totals"))
        known = read_known(folded)
        fields = add_fields([leave_out_notes(folded), *open_ones])
        return Measures(bound(fields, known | admit(fields, known)))

    def minutes(self, since_s: float, until_s: float) -> Mapping[int, Measures]:
        """Read minutes, of the last 72 hours at most; those without anything are left out.

        Where so much happened that minutes would be too large to keep, the older ones come as
        quarters of an hour: see `Measures.minutes`.

        Args:
            since_s: Seconds since 1970.
            until_s: The same; its minute is included.

        Returns:
            Minute since 1970 → what was measured in it, or from it on.
        """
        last = int(until_s // 60)
        wanted = range(max(int(since_s // 60), last - KEEP_MINUTES), last + 1)
        found = dict(self._read_open(wanted))
        for begin in range(0, len(wanted), _MOST_MINUTES_AT_ONCE):
            some = [m for m in wanted[begin : begin + _MOST_MINUTES_AT_ONCE] if m not in found]
            found |= self._read_packed(some)
        return {minute: Measures(found[minute]) for minute in sorted(found) if found[minute]}

    def last_hour(self) -> Measures:
        """Read the last hour."""
        now = ledger_time(self._redis, self._scripts.keys)
        world_s = now.now_s + now.stepped_s
        return add_up(self.minutes(world_s - 3600, world_s).values())

    def _read_open(self, wanted: range) -> Iterable[tuple[int, dict[str, int]]]:
        listed = cast("list[str]", self._redis.zrange(self._keys.minutes, 0, -1))
        minutes = [int(minute) for minute in listed if int(minute) in wanted]
        # One that is folded meanwhile is in one of the two.
        pipeline = self._redis.pipeline(transaction=True)
        for minute in minutes:
            pipeline.hgetall(self._keys.minute(minute))
            pipeline.get(self._keys.history(minute))
        found: list[Any] = pipeline.execute() if minutes else []
        for minute, fields, packed in zip(minutes, found[::2], found[1::2], strict=True):
            numbers = {name: int(n) for name, n in fields.items()}
            yield minute, join(unpack(packed) if packed else {}, numbers)

    def _read_packed(self, minutes: Sequence[int]) -> Mapping[int, dict[str, int]]:
        if not minutes:
            return {}
        asked = self._redis.mget([self._keys.history(minute) for minute in minutes])
        packed = zip(minutes, cast("list[str | None]", asked), strict=True)
        return {minute: unpack(text) for minute, text in packed if text}


def read_flat(flat: list[Any]) -> dict[str, int]:
    """Read fields and numbers by turns."""
    return {str(flat[i]): int(flat[i + 1]) for i in range(0, len(flat), 2)}
