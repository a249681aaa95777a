"""The ledger's numbers for Prometheus.

In:  `Stats`. Out: the text that `/metrics` answers with; no phone, text or id is in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from smsq.views import Stats


class StatsCollector(Collector):
    """Presents one reading of the ledger."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """Make one gauge per group of numbers."""
        jobs = GaugeMetricFamily("smsq_jobs", "Jobs in the ledger", labels=["state"])
        for job_state, n in self._stats.jobs.items():
            jobs.add_metric([job_state], n)
        recipients = GaugeMetricFamily(
            "smsq_recipients", "Recipients in the ledger", labels=["state"]
        )
        for recipient_state, n in self._stats.recipients.items():
            recipients.add_metric([recipient_state], n)
        oldest = GaugeMetricFamily(
            "smsq_oldest_waiting_seconds", "Age of the job that has been ready for longest"
        )
        oldest.add_metric([], self._stats.oldest_waiting_s)
        oddities = GaugeMetricFamily(
            "smsq_oddities", "What should be looked at when above 0", labels=["what"]
        )
        for what, n in self._stats.oddities.items():
            oddities.add_metric([what], n)
        return [jobs, recipients, oldest, oddities]


def render(stats: Stats) -> bytes:
    """Write one reading in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(StatsCollector(stats))
    return generate_latest(registry)
