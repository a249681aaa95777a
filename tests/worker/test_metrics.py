"""What `/metrics` shows."""

from __future__ import annotations

import math
import shutil
import subprocess
from functools import partial

from prometheus_client.parser import text_string_to_metric_families

import smsq
from smsq.domain.account import Endpoint
from smsq.errors import TemporaryError
from smsq.names import PRIORITIES, Queue
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace, Slot
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.smsq.measures.measured import EXCHANGE, report
from tests.smsq.world import ACCEPTED, PLAN, World
from worker.metrics import render
from worker.observation import observe

PATHS = [endpoint.path for endpoint in Endpoint]


def show(scripts: Scripts, settings: Settings) -> str:
    return render(observe(scripts, settings)).decode()


def test_metrics_count_jobs_and_recipients_by_state(
    queue: smsq.SmsQueue, scripts: Scripts, settings: Settings
) -> None:
    job = queue.send_quick("+375291234567", "Your code is 4821")
    queue.send_bulk([smsq.BulkMessage(name="Sale", text="hi", phones=["375291234567"])])
    queue.cancel(job)

    text = show(scripts, settings)

    assert 'smsq_jobs{state="queued"} 1.0' in text
    assert 'smsq_jobs{state="cancelled"} 1.0' in text
    assert 'smsq_recipients{state="pending"} 2.0' in text
    assert "smsq_oldest_waiting_seconds" in text
    assert "4821" not in text
    assert job not in text


def test_metrics_name_each_endpoint_that_is_closed(scripts: Scripts, settings: Settings) -> None:
    limiter = Limiter(scripts, Pace(rate_per_s=10, burst=1))
    slot = Slot(wait_s=0, epoch=limiter.epoch())
    for endpoint in (Endpoint.BULK, Endpoint.POLL):
        for n in range(3):
            failure = TemporaryError("500", status=500)
            limiter.hear(slot, failure, who=f"j{n}", endpoint=endpoint)

    text = show(scripts, settings)

    seconds = {name: sample(text, "smsq_endpoint_closed_seconds", endpoint=name) for name in PATHS}
    assert seconds["sendBulkSms"] > 0
    assert seconds["getSmsDeliveryList"] > 0
    assert seconds["sendQuickSMS"] == 0
    assert sample(text, "smsq_gate_closed_seconds", why="failing") > 0


def sample(text: str, name: str, **labels: str) -> float:
    """One sample of an exposition."""
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name == name and one.labels == labels:
                return one.value
    raise AssertionError(f"no sample {name} {labels}")


def test_the_reasons_of_a_gate_are_few_whatever_the_gateway_says(
    scripts: Scripts, settings: Settings
) -> None:
    before = show(scripts, settings).count("smsq_gate_closed_seconds{")
    limiter = Limiter(scripts, Pace(rate_per_s=10, burst=1))
    limiter.pause("paused by alice@desk: 375291234567")
    text = show(scripts, settings)

    assert text.count("smsq_gate_closed_seconds{") == before
    assert sample(text, "smsq_gate_closed_seconds", why="paused") == math.inf
    assert "alice" not in text


def test_what_was_measured_is_shown_in_prometheus_terms(settings: Settings) -> None:
    world = World(settings)
    job = world.enqueue(priority=Queue.URGENT)
    world.pass_s(0.7)
    claim = world.claim(job)
    world.claims.settle(claim, ACCEPTED, PLAN, EXCHANGE)
    report(world, job)

    text = show(world.scripts, settings)
    check_with_promtool(text)

    urgent = {"priority": "urgent"}
    waited = partial(sample, text, "smsq_enqueue_to_request_seconds_bucket", **urgent)
    assert (waited(le="0.5"), waited(le="1"), waited(le="+Inf")) == (0, 1, 1)
    assert sample(text, "smsq_enqueue_to_request_seconds_sum", **urgent) == 0.7
    assert sample(text, "smsq_parts_total", **urgent) == 2
    assert sample(text, "smsq_spent_total", **urgent) == 0.07
    quick = {"endpoint": "sendQuickSMS", "outcome": "accepted"}
    assert sample(text, "smsq_requests_total", **quick, reason="") == 1
    assert sample(text, "smsq_request_seconds_sum", **quick) == 0.084
    assert sample(text, "smsq_final_recipients_total", sender="123", state="delivered") == 1
    assert (
        sample(text, "smsq_country_final_recipients_total", country="375", state="delivered") == 1
    )
    assert sample(text, "smsq_polls_total") == 1
    world.redis.close()


def check_with_promtool(text: str) -> None:
    """Have Prometheus' own tool read it, where it is installed."""
    promtool = shutil.which("promtool")
    if promtool:
        subprocess.run([promtool, "check", "metrics"], input=text.encode(), check=True)


def test_what_has_not_happened_yet_is_shown_as_0(scripts: Scripts, settings: Settings) -> None:
    """Prometheus sees no increase in a series that begins above 0: the first 401 would be none."""
    text = show(scripts, settings)
    for path in PATHS:
        failed = {"endpoint": path, "outcome": "misconfigured", "reason": "http_401"}
        assert sample(text, "smsq_requests_total", **failed) == 0
    for priority in PRIORITIES:
        for name in (
            *("smsq_enqueue_to_request_seconds_count", "smsq_enqueue_to_delivered_seconds_count"),
            *("smsq_parts_total", "smsq_spent_total"),
        ):
            assert sample(text, name, priority=str(priority)) == 0
