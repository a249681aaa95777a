"""However much is measured, what is kept of it is bounded."""

from __future__ import annotations

import random

import pytest

from smsq.measures.folding import AFTER_MINUTES, QUARTER, THINNED, Folding
from smsq.measures.histograms import BOUNDS_MS
from smsq.measures.keys import MeasureKeys
from smsq.measures.names import MOST
from smsq.measures.packing import add_fields
from smsq.measures.readings import ENDPOINTS, KEEP_MINUTES, Readings
from smsq.models import Outcome
from smsq.names import QUEUES
from smsq.store.scripts import Scripts

MOST_BYTES = 5_000_000
REASONS = ("http_400", "http_4xx", "http_503", "http_5xx", "no_answer", "lease", "other")
NOW = 28_000_000


def make_everything(dice: random.Random, senders: int = 30, countries: int = 60) -> dict[str, int]:
    """A minute in which everything that there is happened, in numbers that are hard to pack."""
    kinds = [f"{kind}|{queue}" for kind in "eadw" for queue in QUEUES]
    kinds += [f"q|{endpoint}|{outcome}" for endpoint in ENDPOINTS for outcome in Outcome]
    fields = {f"{kind}|{place}": 0 for kind in kinds for place in range(1, len(BOUNDS_MS) + 2)}
    fields |= {f"{kind}|s": 0 for kind in kinds}
    fields |= {f"r|{e}|{o}|{r}": 0 for e in ENDPOINTS for o in Outcome for r in REASONS}
    fields |= {f"{kind}|{queue}": 0 for kind in "pm" for queue in QUEUES}
    fields |= {f"f|Sender{n}|{letter}": 0 for n in range(senders) for letter in "dun"}
    fields |= {f"k|{200 + n}|{letter}": 0 for n in range(countries) for letter in "dun"}
    return {field: dice.randint(1, 9999) for field in fields}


def measure_minute(scripts: Scripts, minute: int, fields: dict[str, int]) -> None:
    keys = MeasureKeys(scripts.keys.namespace)
    scripts.redis.hset(keys.minute(minute), mapping={name: str(n) for name, n in fields.items()})
    scripts.redis.zadd(keys.minutes, {str(minute): minute})


def fold_all(scripts: Scripts, now: int) -> None:
    folding = Folding(scripts)
    while folding.fold(now * 60.0, 10.0):
        """The next twenty."""


def count_bytes(scripts: Scripts) -> int:
    names = list(scripts.redis.scan_iter(f"{scripts.keys.namespace}:*", count=1000))
    pipeline = scripts.redis.pipeline(transaction=False)
    for name in names:
        pipeline.memory_usage(name, samples=0)
    return sum(pipeline.execute())


def test_large_minutes_go_together_after_a_while(scripts: Scripts) -> None:
    readings, dice = Readings(scripts), random.Random(1)
    begun = NOW - NOW % QUARTER - AFTER_MINUTES - QUARTER
    samples = [make_everything(dice) for _ in range(QUARTER)]
    for minute, fields in enumerate(samples, begun):
        measure_minute(scripts, minute, fields)
    fold_all(scripts, NOW - QUARTER)
    assert len(readings.minutes(begun * 60, NOW * 60)) == QUARTER
    measure_minute(scripts, NOW - 2, {"p|urgent": 1})
    fold_all(scripts, NOW)

    found = readings.minutes(begun * 60, (begun + QUARTER) * 60)
    assert [(minute, measures.minutes) for minute, measures in found.items()] == [(begun, QUARTER)]
    happened = add_fields(samples)
    assert add_fields([found[begun].fields])["e|urgent|3"] == happened["e|urgent|3"]
    assert readings.totals().fields["e|urgent|3"] == happened["e|urgent|3"]
    # Another of its minutes begins anew, as after a clock that was set back.
    measure_minute(scripts, begun, {"e|urgent|3": 1})
    fold_all(scripts, NOW)
    found = readings.minutes(begun * 60, (begun + QUARTER) * 60)
    assert found[begun].fields["e|urgent|3"] == happened["e|urgent|3"] + 1
    assert found[begun].minutes == QUARTER


@pytest.mark.slow
@pytest.mark.real_redis
@pytest.mark.timeout(600)
def test_72_hours_in_which_everything_happens_each_minute_fit_into_5_megabytes(
    scripts: Scripts,
) -> None:
    redis, readings, dice = scripts.redis, Readings(scripts), random.Random(1)
    keys = MeasureKeys(scripts.keys.namespace)
    samples = [make_everything(dice) for _ in range(QUARTER)]
    begun = NOW - NOW % QUARTER - AFTER_MINUTES - 4 * QUARTER
    for minute in range(begun, NOW):
        measure_minute(scripts, minute, samples[minute % QUARTER])
        fold_all(scripts, minute)
    # What is older looks like the first quarters.
    oldest = NOW - KEEP_MINUTES
    for minute in range(begun - QUARTER, oldest, -QUARTER):
        redis.copy(keys.history(begun), keys.history(minute))

    found = readings.minutes(oldest * 60, NOW * 60)
    assert sum(measures.minutes for measures in found.values()) >= KEEP_MINUTES - QUARTER
    assert count_bytes(scripts) <= MOST_BYTES
    assert len({sender for sender, _ in readings.totals().final_by_sender}) == MOST["f"] + 1


def test_ordinary_minutes_stay_apart(scripts: Scripts) -> None:
    for minute in range(NOW - 300, NOW):
        measure_minute(scripts, minute, {"e|urgent|3": 5, "e|urgent|s": 70, "p|urgent": 5})
    fold_all(scripts, NOW)

    found = Readings(scripts).minutes((NOW - 300) * 60, NOW * 60)
    assert len(found) == 300
    assert {measures.minutes for measures in found.values()} == {1}
    thinned = scripts.redis.hget(MeasureKeys(scripts.keys.namespace).totals, THINNED)
    assert int(str(thinned)) < NOW


def test_a_name_that_has_a_number_keeps_it(scripts: Scripts) -> None:
    readings = Readings(scripts)
    measure_minute(scripts, NOW - 9, {"f|Shop|d": 1})
    fold_all(scripts, NOW - 5)
    many = {f"f|Sender{n:02}|d": 100 + n for n in range(MOST["f"] + 5)}
    measure_minute(scripts, NOW - 4, many | {"f|Shop|d": 1})
    before = readings.totals().final_by_sender
    fold_all(scripts, NOW)
    measure_minute(scripts, NOW, {"f|Late|d": 10_000, "f|Shop|u": 1})

    after = readings.totals().final_by_sender
    assert before["Shop", "delivered"] == after["Shop", "delivered"] == 2
    assert before["other", "delivered"] == sum(100 + n for n in range(6))
    assert after["other", "delivered"] == before["other", "delivered"] + 10_000
    assert after["Shop", "undelivered"] == 1
    assert KEEP_MINUTES == 72 * 60
