"""What dashboard and alerts ask for is what `/metrics` shows."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.monitoring.queries import (
    DASHBOARD,
    dashboard_queries,
    grouping_of,
    rule_queries,
    selectors_of,
)
from worker.metrics import LedgerCollector
from worker.observation import observe


@pytest.fixture
def exposed(scripts: Scripts, settings: Settings) -> Mapping[str, set[str]]:
    """Family → names of its labels."""
    families = LedgerCollector(observe(scripts, settings)).collect()
    return {family.name: set(getattr(family, "_labelnames", ())) for family in families}


def test_every_metric_of_dashboard_and_alerts_is_exposed_with_those_labels(
    exposed: Mapping[str, set[str]],
) -> None:
    queries = [*dashboard_queries(), *rule_queries()]
    assert len(queries) > 60
    for query in queries:
        usable = {"le", "job", "instance"}
        for selector in selectors_of(query.expr):
            assert selector.family in exposed, (query, selector)
            assert selector.labels <= exposed[selector.family], (query, selector)
            usable |= exposed[selector.family]
        if any(selectors_of(query.expr)):
            assert grouping_of(query.expr) <= usable, query


def test_every_family_but_the_oldest_is_on_the_dashboard(exposed: Mapping[str, set[str]]) -> None:
    shown = {one.family for query in dashboard_queries() for one in selectors_of(query.expr)}
    # Of all priorities together, requests by class, and what only `smsq stats` explains.
    left_out = {"smsq_oldest_waiting_seconds", "smsq_slots", "smsq_oddities"}
    assert exposed.keys() - shown == left_out


def test_panels_have_ids_titles_and_places_of_their_own() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]
    assert [one["name"] for one in dashboard["templating"]["list"]] == ["datasource"]
