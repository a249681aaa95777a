"""Queries of docs/grafana.json and docs/alerts.yml, and the metrics that they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.monitoring.rules import DOCS, read_rules

DASHBOARD = DOCS / "grafana.json"

#: Grafana writes the time of four scrapes here.
RATE_INTERVAL = "30s"

_SELECTOR = re.compile(r"\b(smsq_\w+)(\{[^}]*\})?")


@dataclass(frozen=True)
class Query:
    """One query; `where` says of which panel or alert."""

    where: str
    expr: str


@dataclass(frozen=True)
class Selector:
    """A metric with its matchers, as a query names it."""

    metric: str
    matchers: str

    @property
    def labels(self) -> set[str]:
        return set(re.findall(r"(\w+)\s*[=!]", self.matchers))

    @property
    def family(self) -> str:
        return re.sub("_(total|bucket|count|sum)$", "", self.metric)


def dashboard_queries() -> list[Query]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [
        Query(panel["title"], target["expr"].replace("$__rate_interval", RATE_INTERVAL))
        for panel in panels
        for target in panel.get("targets", [])
    ]


def rule_queries() -> list[Query]:
    return [Query(rule.alert or rule.record, rule.expr) for rule in read_rules()]


def selectors_of(expr: str) -> Iterator[Selector]:
    """The metrics that a query names; recorded series have a colon in their name."""
    without_recorded = re.sub(r"\w+:\w+:\w+", "", expr)
    for metric, matchers in _SELECTOR.findall(without_recorded):
        yield Selector(metric, matchers)


def grouping_of(expr: str) -> set[str]:
    """The labels that a query groups by."""
    groups = re.findall(r"\bby \(([^)]*)\)", expr)
    return {label.strip() for group in groups for label in group.split(",") if label.strip()}
