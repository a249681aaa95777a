"""A real Prometheus scrapes a deployment: all queries of dashboard and alerts are answered."""

from __future__ import annotations

import json
import math
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smsq.models import BulkMessage, JobState
from tests.e2e.conftest import Deploy, Deployment
from tests.monitoring.queries import dashboard_queries, rule_queries, selectors_of
from tests.monitoring.rules import ALERTS, PROMETHEUS, read_rules
from tests.support import free_port, start_child, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus: apt-get install prometheus"),
]

PHONE = "37529739"

CONFIG = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["%s"]
scrape_configs:
  - job_name: smsq
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""


class Prometheus:
    """Asks a Prometheus."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> Any:
        """An answer of its API; an error is one."""
        address = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            error.close()
            raise

    def numbers(self, expr: str) -> list[float]:
        """The values that a query comes to now."""
        return [float(row["value"][1]) for row in self.get("query", query=expr)["result"]]

    def alerts(self) -> dict[str, str]:
        """Alerts that rise, or are about to."""
        return {one["labels"]["alertname"]: one["state"] for one in self.get("alerts")["alerts"]}

    def rules(self) -> list[dict[str, Any]]:
        """All rules, with what became of their evaluation."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


@contextmanager
def prometheus(scraped_port: int, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus with our rules, that scrapes one target each second."""
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(CONFIG % (ALERTS, scraped_port))
    options = {
        "config.file": config,
        "storage.tsdb.path": folder / "tsdb",
        "web.listen-address": f"127.0.0.1:{port}",
        "log.level": "error",
    }
    assert PROMETHEUS
    process = start_child([PROMETHEUS, *(f"--{name}={value}" for name, value in options.items())])
    try:
        asked = Prometheus(port)
        wait_until(lambda: asked.numbers("up") == [1.0], "it scrapes", deadline_s=60)
        yield asked
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def send_some(deployment: Deployment) -> None:
    """Send what is delivered, what is not, what is refused, and a campaign."""
    queue = deployment.queue
    ids = [
        queue.send_quick(f"{PHONE}{4000 + n}", "Your code is 4821", priority="urgent")
        for n in range(5)
    ]
    ids.append(queue.send_quick(f"{PHONE}4100", "Your parcel is here"))
    refused = queue.send_quick(f"{PHONE}0400", "Your code is 4821", priority="urgent")
    phones = [f"{PHONE}{4200 + n}" for n in range(5)]
    ids.append(queue.send_bulk([BulkMessage(name="Sale", text="Sale", phones=phones)]))
    wait_until(lambda: all(queue.status(one).is_final for one in ids), "all is final")
    wait_until(lambda: queue.status(refused).state is JobState.REJECTED, "one is refused")


@pytest.fixture(scope="module")
def scraped(
    deploy: Deploy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, Prometheus]]:
    """A deployment that sent twice while it was scraped."""
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        deploy(has_web=True, SMSQ_PRICE_PER_PART="0.035") as deployment,
        prometheus(deployment.ports["admin"], folder) as asked,
    ):
        send_some(deployment)
        accepted = 'sum(smsq_requests_total{outcome="accepted"})'
        wait_until(lambda: asked.numbers(accepted) == [7.0], "the first wave was scraped")
        send_some(deployment)
        wait_until(lambda: asked.numbers(accepted) == [14.0], "the second one, too")
        delivered = 'sum(smsq_final_recipients_total{state="delivered"})'
        wait_until(lambda: asked.numbers(delivered) == [22.0], "and its deliveries")
        wait_until(
            lambda: max(asked.numbers("smsq_receipts_total"), default=0) > 0, "receipts came"
        )
        yield deployment, asked


def test_every_query_of_the_dashboard_gives_numbers(
    scraped: tuple[Deployment, Prometheus],
) -> None:
    _, asked = scraped
    for query in dashboard_queries():
        found = asked.numbers(query.expr)
        assert any(math.isfinite(number) for number in found), query


def test_every_rule_is_evaluated_without_an_error(scraped: tuple[Deployment, Prometheus]) -> None:
    _, asked = scraped
    wait_until(lambda: all(one["health"] == "ok" for one in asked.rules()), "all were evaluated")
    assert len(asked.rules()) == len(read_rules())
    assert not [one["lastError"] for one in asked.rules() if one.get("lastError")]


def test_every_series_that_a_rule_names_is_there(scraped: tuple[Deployment, Prometheus]) -> None:
    _, asked = scraped
    for query in rule_queries():
        for selector in selectors_of(query.expr):
            assert asked.numbers(selector.metric + selector.matchers), (query.where, selector)
    for rule in read_rules():
        # The day before this hour is not there yet.
        if rule.record and "1d" not in rule.record:
            wait_until(partial(asked.numbers, rule.record), rule.record)


def test_nothing_rises_on_a_good_day_and_a_pause_does(
    scraped: tuple[Deployment, Prometheus],
) -> None:
    deployment, asked = scraped
    # One of eight was refused: in a test that is much, and needs five minutes to be said.
    assert {name for name, state in asked.alerts().items() if state == "firing"} == set()
    assert "SmsqGateClosed" not in asked.alerts()

    deployment.controls.pause()
    wait_until(lambda: asked.alerts().get("SmsqGateClosed") == "pending", "the pause is seen")
    deployment.controls.resume()
    # The alert itself waits for two minutes, lest a probe ends it.
    gate = "max(smsq_gate_closed_seconds)"
    wait_until(lambda: asked.numbers(gate) == [0.0], "and its end")


def test_a_token_that_is_refused_rises_at_once(
    deploy: Deploy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        deploy(has_web=True) as deployment,
        prometheus(deployment.ports["admin"], folder) as asked,
    ):
        deployment.queue.send_quick(f"{PHONE}0401", "Your code is 4821")
        wait_until(
            lambda: asked.alerts().get("SmsqTokenRefused") == "firing", "it rises", deadline_s=60
        )
