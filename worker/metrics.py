"""The ledger's numbers for Prometheus.

In:  one `Observation` of the ledger. Out: the text that `/metrics` answers with. No phone, text or
id is in it, and each label has few values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from smsq.domain.account import Endpoint
from smsq.measures.histograms import Histogram
from smsq.measures.readings import Measures
from smsq.names import PRIORITIES
from smsq.pacing.slots import Closure
from worker.observation import Observation

#: What a gate's reason is called, by the words in it (domain/account.py); the first that fits.
_WHY = (
    ("slow down", "429"),
    ("balance", "no_money"),
    ("cannot be reached", "away"),
    ("the gateway fails", "failing"),
    ("cannot be read", "unreadable"),
    ("as after a restore", "restored"),
)

#: How requests fail, with the reasons that matter to alarms. Prometheus takes the first number of a
#: series for its beginning, so these are shown as 0 before the first one: else nobody sees it.
_FAILURES = (
    *(("refused", "http_400"), ("busy", "http_429"), ("no_money", "http_402")),
    *(("misconfigured", f"http_{status}") for status in (401, 403, 404)),
    *(("temporary", f"http_{status}") for status in (500, 502, 503)),
    *(("not_sent", "no_connection"), ("unknown", "no_answer"), ("unknown", "lease")),
)
_PASSED = {Endpoint.QUICK: "accepted", Endpoint.BULK: "accepted", Endpoint.POLL: "answered"}
_NO_REQUESTS = {
    (endpoint.path, *row): 0
    for endpoint, passed in _PASSED.items()
    for row in ((passed, ""), *_FAILURES)
}
_NO_RECEIPTS = dict.fromkeys(("learnt", "unmatched", "refused", "late", "forged"), 0)
_NONE_EACH: Mapping[str, float] = {str(priority): 0 for priority in PRIORITIES}


class LedgerCollector(Collector):
    """Presents one observation."""

    def __init__(self, seen: Observation) -> None:
        self._seen = seen

    def collect(self) -> Iterable[Metric]:
        """Make the families."""
        yield from collect_gauges(self._seen)
        yield from collect_state(self._seen)
        yield from collect_times(self._seen.totals)
        yield from collect_counters(self._seen.totals)


def collect_gauges(seen: Observation) -> Iterable[Metric]:
    """Make gauges of what is in the ledger."""
    stats, rate = seen.stats, seen.stats.rate
    yield by_label("smsq_jobs", "Jobs in the ledger", "state", stats.jobs)
    yield by_label("smsq_recipients", "Recipients in the ledger", "state", stats.recipients)
    yield by_label("smsq_slots", "Gateway requests made so far", "class", stats.slots)
    yield by_label("smsq_oddities", "To be looked at when above 0", "what", stats.oddities)
    yield one("smsq_oldest_waiting_seconds", "Longest wait of a ready job", stats.oldest_waiting_s)
    yield one("smsq_rate_ceiling_per_second", "Ceiling of the rate", rate.ceiling_per_s)
    yield one("smsq_rate_current_per_second", "Rate in force", rate.current_per_s)
    closed = {why: 0.0 for _, why in _WHY} | {"paused": 0.0, "token": 0.0}
    for closure in rate.closures:
        why = name_why(closure)
        closed[why] = max(closed[why], closure.for_s)
    yield by_label("smsq_gate_closed_seconds", "The gate stays closed for", "why", closed)
    by_endpoint = {endpoint.path: 0.0 for endpoint in Endpoint}
    for closure in rate.closures:
        for name in [closure.endpoint] if closure.endpoint else [*by_endpoint]:
            by_endpoint[name] = max(by_endpoint[name], closure.for_s)
    yield by_label(
        "smsq_endpoint_closed_seconds",
        "This endpoint's gate stays closed for",
        "endpoint",
        by_endpoint,
    )


def collect_state(seen: Observation) -> Iterable[Metric]:
    """Make gauges of lines and processes."""
    sizes = {name: line.jobs for name, line in seen.lines.items()}
    ages_s = {name: line.oldest_s for name, line in seen.lines.items()}
    yield by_label("smsq_ready_jobs", "Jobs that wait for a slot", "priority", sizes)
    yield by_label("smsq_oldest_ready_seconds", "Longest wait in that line", "priority", ages_s)
    yield one("smsq_workers", "Workers that take jobs", seen.workers)
    age_s = math.inf if seen.beat_age_s is None else seen.beat_age_s
    yield one("smsq_beat_age_seconds", "Since beat's last tick was worked off", age_s)
    yield by_label("smsq_build_info", "Version of smsq", "version", {seen.version: 1})
    beat = seen.heartbeat_sms
    age = "Since a heartbeat SMS arrived; 0 where none is sent"
    yield one("smsq_heartbeat_sms_age_seconds", age, beat.age_s if beat else 0.0)
    late = "1 where the last heartbeat SMS is late or did not arrive"
    yield one("smsq_heartbeat_sms_late", late, float(beat.is_late) if beat else 0.0)
    yield one("smsq_unmatched", "Accepted jobs that lack a message id", seen.unmatched)
    yield one(
        "smsq_webhook_waiting", "Deliveries of the webhook on their way", seen.webhook_waiting
    )


def collect_times(totals: Measures) -> Iterable[Metric]:
    """Make histograms."""
    until_read = "until a report of its delivery was read"
    for name, meaning, label, histograms in (
        (
            "enqueue_to_request",
            "From enqueue, or the time asked for, to a job's first request",
            "priority",
            totals.enqueue_to_request,
        ),
        (
            "accepted_to_delivered",
            f"From acceptance {until_read}",
            "priority",
            totals.accepted_to_delivered,
        ),
        (
            "enqueue_to_delivered",
            f"From enqueue {until_read}",
            "priority",
            totals.enqueue_to_delivered,
        ),
        ("slot_wait", "Wait in line for a slot", "class", totals.slot_wait),
    ):
        begun = {str(one): Histogram() for one in PRIORITIES} | dict(histograms)
        yield times(f"smsq_{name}_seconds", meaning, [label], _one_label(begun))
    labels = ["endpoint", "outcome"]
    yield times("smsq_request_seconds", "Time of a request", labels, totals.request_times)


def collect_counters(totals: Measures) -> Iterable[Metric]:
    """Make counters."""
    labels = ["endpoint", "outcome", "reason"]
    requests = _NO_REQUESTS | dict(totals.requests)
    yield counter("smsq_requests", "Gateway requests", labels, requests)
    receipts = _one_label({**_NO_RECEIPTS, **totals.receipts})
    yield counter("smsq_receipts", "Receipts, kept or turned away", ["result"], receipts)
    yield counter("smsq_polls", "Requests for a page of reports", [], {(): totals.polls})
    yield counter(
        "smsq_parts", "SMS parts accepted", ["priority"], _one_label({**_NONE_EACH, **totals.parts})
    )
    price = "Their price at SMSQ_PRICE_PER_PART"
    yield counter("smsq_spent", price, ["priority"], _one_label({**_NONE_EACH, **totals.spent}))
    final = "Recipients that became final"
    yield counter("smsq_final_recipients", final, ["sender", "state"], totals.final_by_sender)
    yield counter(
        "smsq_country_final_recipients", final, ["country", "state"], totals.final_by_country
    )


def name_why(closure: Closure) -> str:
    """Name why a gate is closed, out of a short list."""
    if math.isinf(closure.for_s) and "as after a restore" not in closure.why:
        return "paused"
    return next((name for words, name in _WHY if words in closure.why), "token")


def by_label(name: str, meaning: str, label: str, numbers: Mapping[Any, float]) -> Metric:
    """Make a gauge with one number for each value of a label."""
    gauge = GaugeMetricFamily(name, meaning, labels=[label])
    for value, number in numbers.items():
        gauge.add_metric([str(value)], number)
    return gauge


def one(name: str, meaning: str, number: float) -> Metric:
    """Make a gauge of one number."""
    return GaugeMetricFamily(name, meaning, value=number)


def counter(name: str, meaning: str, labels: list[str], numbers: Mapping[Any, float]) -> Metric:
    """Make a counter; `_total` is added to its name."""
    family = CounterMetricFamily(name, meaning, labels=labels)
    for values, number in numbers.items():
        family.add_metric([*values], number)
    return family


def times(
    name: str, meaning: str, labels: list[str], histograms: Mapping[Any, Histogram]
) -> Metric:
    """Make a histogram of times in seconds."""
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for values, histogram in histograms.items():
        family.add_metric([*values], histogram.cumulate(), histogram.sum_ms / 1000)
    return family


def _one_label(numbers: Mapping[str, Any]) -> Mapping[tuple[str, ...], Any]:
    return {(name,): number for name, number in numbers.items()}


def render(seen: Observation) -> bytes:
    """Write one observation in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(seen))
    return generate_latest(registry)
