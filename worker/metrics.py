"""The ledger's numbers for Prometheus.

In:  `Stats`. Out: the text that `/metrics` answers with; no phone, text or id is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from smsq.status.views import Stats


class StatsCollector(Collector):
    """Presents one reading of the ledger."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """Make one gauge per group of numbers."""
        stats, rate = self._stats, self._stats.rate
        return [
            by_label("smsq_jobs", "Jobs in the ledger", "state", stats.jobs),
            by_label("smsq_recipients", "Recipients in the ledger", "state", stats.recipients),
            by_label("smsq_slots", "Gateway requests made so far", "class", stats.slots),
            by_label("smsq_oddities", "To be looked at when above 0", "what", stats.oddities),
            one(
                "smsq_oldest_waiting_seconds", "Longest wait of a ready job", stats.oldest_waiting_s
            ),
            one("smsq_rate_ceiling_per_second", "Ceiling of the rate", rate.ceiling_per_s),
            one("smsq_rate_current_per_second", "Rate in force", rate.current_per_s),
            by_label(
                "smsq_gate_closed_seconds",
                "The gate stays closed for",
                "why",
                {c.why: c.for_s for c in rate.closures} or {"": 0.0},
            ),
        ]


def by_label(name: str, meaning: str, label: str, numbers: Mapping[Any, float]) -> Metric:
    """Make a gauge with one number for each value of a label."""
    gauge = GaugeMetricFamily(name, meaning, labels=[label])
    for value, number in numbers.items():
        gauge.add_metric([str(value)], number)
    return gauge


def one(name: str, meaning: str, number: float) -> Metric:
    """Make a gauge of one number."""
    return GaugeMetricFamily(name, meaning, value=number)


def render(stats: Stats) -> bytes:
    """Write one reading in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(StatsCollector(stats))
    return generate_latest(registry)
