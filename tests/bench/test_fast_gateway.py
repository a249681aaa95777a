"""The gateway that measurements send to answers like one, or they measure nothing."""

from __future__ import annotations

import time

from bench.client import CLIENTS, measure
from bench.fast_gateway import fast_gateway
from smsq.models import BulkAccepted, QuickAccepted
from tests.smsq.gateway.raw import BULK, QUICK, client_of


def test_it_answers_every_endpoint_on_one_connection_and_counts() -> None:
    with fast_gateway(delay_ms=0) as gateway, client_of(gateway.url) as client:
        assert client.send_quick(QUICK) == QuickAccepted(1_000_000_001, "NEW", 1)
        assert client.send_quick(QUICK) == QuickAccepted(1_000_000_002, "NEW", 1)
        assert gateway.count() == 2
        assert isinstance(client.send_bulk(BULK, ""), BulkAccepted)
        assert [row.gateway_status for row in client.fetch_reports(1, offset=0, rows=1).rows] == [
            "delivered"
        ]

    assert (gateway.tally["requests"], gateway.tally["connections"]) == (4, 1)


def test_it_takes_its_time() -> None:
    with fast_gateway(delay_ms=100) as gateway, client_of(gateway.url) as client:
        started_s = time.monotonic()
        client.send_quick(QUICK)
        assert time.monotonic() - started_s >= 0.1


def test_every_client_is_measured_with_as_many_requests() -> None:
    for name, client in CLIENTS.items():
        with fast_gateway(delay_ms=0) as gateway, client(gateway.url) as make:
            per_s, cpu_s = measure(make, threads=2, messages=10)
        assert per_s > 0, name
        assert cpu_s > 0, name
        assert gateway.tally["requests"] == 12, name
