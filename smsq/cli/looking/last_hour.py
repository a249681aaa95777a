"""The last hour in a few numbers, for `smsq stats`. Pure.

In:  what was measured. Out: words and a JSON document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smsq.measures.histograms import Histogram
from smsq.measures.readings import Measures
from smsq.names import PRIORITIES

#: Percentiles that are told, with their names in JSON.
_SHARES = {"p50_s": 0.5, "p95_s": 0.95}

_MINUTE_S, _SECOND_S = 60, 1


def describe_hour(hour: Measures) -> dict[str, Any]:
    """Make the JSON document of the last hour."""
    none = Histogram()
    return {
        "priorities": {
            str(priority): {
                "jobs": hour.enqueue_to_request.get(priority, none).count,
                "to_request": _read_shares(hour.enqueue_to_request.get(priority, none)),
                "to_delivered": _read_shares(hour.enqueue_to_delivered.get(priority, none)),
            }
            for priority in PRIORITIES
        },
        "requests": dict(sorted(hour.outcomes.items())),
        "parts": sum(hour.parts.values()),
        "spent": round(float(sum(hour.spent.values())), 6),
    }


def say_hour(hour: Measures) -> Iterator[str]:
    """Say in lines how long messages took, and what requests came to; nothing of an idle hour."""
    told = describe_hour(hour)
    for priority, one in told["priorities"].items():
        if one["jobs"]:
            delivered = _say_shares(one["to_delivered"])
            until = f", delivered within {delivered}" if delivered else ""
            jobs = f"{one['jobs']:,} {priority}"
            yield f"{jobs}: half and 95 % requested within {_say_shares(one['to_request'])}{until}"
    if told["requests"]:
        yield "requests: " + ", ".join(f"{n:,} {word}" for word, n in told["requests"].items())


def _read_shares(times: Histogram) -> Mapping[str, float | None]:
    found = {name: times.percentile_s(share) for name, share in _SHARES.items()}
    return {name: None if s is None else round(s, 3) for name, s in found.items()}


def _say_shares(shares: Mapping[str, float | None]) -> str:
    return " and ".join(_say_s(s) for s in shares.values() if s is not None)


def _say_s(seconds: float) -> str:
    if seconds < _SECOND_S:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.3g} s" if seconds < _MINUTE_S else f"{seconds / _MINUTE_S:.0f} min"
