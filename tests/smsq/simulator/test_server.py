"""Where a simulator may listen, and that it goes when it is told to."""

from __future__ import annotations

import socket

import pytest

from smsq.gateway.client import GatewayClient
from smsq.models import QuickRequest
from smsq.simulator.options import Options
from smsq.simulator.server import make_server, start_in_thread

QUICK = QuickRequest(phone="375291234567", text="code", alphaname_id="1")


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "10.0.0.1", "gateway.example"])
def test_it_listens_on_loopback_alone(host: str) -> None:
    with pytest.raises(ValueError, match=r"write one of 127\.0\.0\.1"):
        make_server(Options(), host, 0)


def test_a_port_that_is_taken_is_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="in use"),
    ):
        make_server(Options(), "127.0.0.1", taken.getsockname()[1])


def test_who_is_told_its_address_may_connect_at_once() -> None:
    _, bound = make_server(Options(), "127.0.0.1", 0)
    with bound:
        socket.create_connection(bound.getsockname(), timeout=5).close()


def test_two_at_once_keep_their_books_apart() -> None:
    with start_in_thread() as one, start_in_thread(Options(token="other")) as two:
        client = GatewayClient(two.url, "other", timeout_s=20)
        client.send_quick(QUICK)
        client.close()

        assert one.accepted() == {}
        assert two.accepted() == {("375291234567", "code"): 1}


def test_nobody_listens_after_its_end() -> None:
    with start_in_thread() as simulator:
        port = int(simulator.url.rpartition(":")[2])
        assert simulator.get("/book")["messages"] == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
