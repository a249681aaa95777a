"""OpenTelemetry's SDK for tests, out of a folder of its own.

redis-py imports the SDK wherever it finds it, and each process of the suite would pay for that. So
`make setup` puts it into `.venv/traces`; it is found from here on in this process alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

FOLDER = Path(sys.prefix) / "traces"


class Book:
    """The spans that have ended.

    Args:
        exporter: Keeps them.
        tracer: Of the app around smsq.
    """

    def __init__(self, exporter: Any, tracer: Any) -> None:
        self._exporter, self.tracer = exporter, tracer

    def spans(self, name: str = "") -> list[Any]:
        return [one for one in self._exporter.get_finished_spans() if one.name.startswith(name)]

    def one(self, name: str) -> Any:
        [span] = self.spans(name)
        return span

    def written(self) -> str:
        """All that an exporter could send."""
        return json.dumps([one.to_json() for one in self.spans()], ensure_ascii=False)


@contextmanager
def tracing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:
    """Trace this process during the block, as an app with the SDK does."""
    if not FOLDER.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("OpenTelemetry's SDK is missing: run make setup")
        pytest.skip("OpenTelemetry's SDK is missing: run make setup")
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - found only now
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
        InMemorySpanExporter,
    )

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # For this block alone: the API lets nobody set another one.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield Book(exporter, provider.get_tracer("shop"))
    provider.shutdown()
