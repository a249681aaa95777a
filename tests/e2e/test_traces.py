"""A trace goes from a web app's call through Redis to the worker that sends, in another process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from smsq.models import BulkMessage
from smsq.tracing import ATTEMPT, ENQUEUE
from tests.e2e.conftest import Deploy
from tests.support import wait_until
from tests.traces import FOLDER, tracing

pytestmark = pytest.mark.slow

TEXT, PHONE = "canary-text-58213", "37529739"
#: As an operator sets the SDK up: before Celery starts.
TRACED_WORKER = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
out = open(sys.argv.pop(1), "a", buffering=1)
provider = TracerProvider()
exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\\n")
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
from smsq.cli import main
main()
"""


def read_spans(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_attempts_of_a_real_worker_join_the_calls_of_the_app(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "spans"
    out.touch()
    with (
        tracing(monkeypatch) as book,
        deploy(workers=0, SMSQ_GATHER_S="0.2") as deployment,
    ):
        command = [sys.executable, "-c", TRACED_WORKER, str(out), "worker"]
        deployment.start("worker", command, {"PYTHONPATH": str(FOLDER)})
        deployment.wait("worker", lambda: "ready" in deployment.tail("worker"))
        queue = deployment.queue
        jobs = [queue.send_quick(f"{PHONE}{n}", TEXT) for n in ("4567", "0400")]
        campaign = queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=[f"{PHONE}4568"])])
        queue.send_personal(f"{PHONE}4569", TEXT)
        wait_until(lambda: len(read_spans(out)) == 4, "all attempts are told")
        written = out.read_text() + book.written()
        token = deployment.environ["SMSQ_GATEWAY_TOKEN"]

    calls = {f"0x{span.context.span_id:016x}": span for span in book.spans(ENQUEUE)}
    spans = {span["attributes"]["smsq.job"]: span for span in read_spans(out)}
    assert {span["name"] for span in spans.values()} == {ATTEMPT}
    for job in jobs:
        call = calls[spans[job]["parent_id"]]
        assert call.attributes["smsq.job"] == job
        assert spans[job]["context"]["trace_id"] == f"0x{call.context.trace_id:032x}"
    assert [spans[job]["attributes"]["smsq.outcome"] for job in jobs] == ["accepted", "rejected"]
    [sale] = [s for s in spans.values() if s["attributes"].get("smsq.campaign") == campaign]
    assert calls[sale["parent_id"]].attributes["smsq.campaign"] == campaign
    [gathered] = [span for span in spans.values() if span["parent_id"] is None]
    assert [link["context"]["span_id"] in calls for link in gathered["links"]] == [True]
    for personal in (TEXT, PHONE, token):
        assert personal not in written
