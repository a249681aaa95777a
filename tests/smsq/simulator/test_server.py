"""Where a simulator may listen, and that it goes when it is told to."""

from __future__ import annotations

import socket
import threading
import urllib.error

import pytest
import requests

from smsq.gateway.client import GatewayClient
from smsq.models import QuickRequest
from smsq.simulator.options import Options
from smsq.simulator.server import RunningSimulator, make_server, start_in_thread
from tests.support import wait_until

PASSWORD = "0123456789abcdef"
QUICK = QuickRequest(phone="375291234567", text="code", alphaname_id="1")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "gateway.example"])
def test_beyond_loopback_it_wants_a_token_that_nobody_guesses(host: str) -> None:
    with pytest.raises(ValueError, match=r"16 characters or more, or stay on 127\.0\.0\.1"):
        make_server(Options(token="secret"), host, 0)


def test_no_host_is_not_every_host() -> None:
    with pytest.raises(ValueError, match=r"host: write 127\.0\.0\.1"):
        make_server(Options(token=PASSWORD), "", 0)


def see(url: str, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=headers, timeout=20).status_code


@pytest.mark.long
@pytest.mark.parametrize("page", ["/book", "/book/accepted", "/book/requests", "/nowhere"])
def test_beyond_loopback_nobody_sees_the_book_without_the_token(page: str) -> None:
    server, bound = make_server(Options(token=PASSWORD), "0.0.0.0", 0)
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    wait_until(lambda: server.started, "it listens")
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    client = GatewayClient(url, PASSWORD, timeout_s=20)
    client.send_quick(QUICK)  # the gateway's own endpoints take the token where they always do
    client.close()

    assert see(url + page) == see(url + page, "wrong") == 401
    assert see(url + page, PASSWORD) == (404 if page == "/nowhere" else 200)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        RunningSimulator(url).change(rate_per_s=1)
    server.should_exit = True
    thread.join()
    bound.close()


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
