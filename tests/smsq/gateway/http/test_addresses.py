"""A name with several addresses, some of them dead; names that are found late or not at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from smsq.errors import NotSentError
from smsq.gateway.http import addresses
from smsq.gateway.http.addresses import Lookups
from smsq.gateway.http.deadline import exchange
from tests.smsq.gateway.raw import ACCEPTED, QUICK, answer, answering, client_of, raw_server
from tests.support import free_port

ACCEPT = answering(answer(200, ACCEPTED, ["Connection: close"]))
NAME = "gateway.test"
TIMEOUT_S = 1.5


class Names:
    """The system's look-up, as a test wants it."""

    def __init__(self) -> None:
        self.hosts = ["127.0.0.1"]
        self.asked = 0
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.error: Exception | None = None
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *rest: Any) -> Any:
        if host != NAME:
            return self._real(host, port, *rest)
        self.asked += 1
        self.goes_on.wait(10)
        if self.error:
            raise self.error
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in self.hosts]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(addresses, "_lookups", Lookups())
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.goes_on.set()


@contextmanager
def dead_host(port: int, host: str = "127.0.0.2") -> Iterator[str]:
    """An address that answers nothing to who connects, as behind a firewall that drops."""
    with socket.socket() as listener:
        listener.bind((host, port))
        listener.listen(0)
        fill = [socket.socket() for _ in range(3)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex((host, port))
        yield host
        for one in fill:
            one.close()


def named(url: str) -> tuple[str, int]:
    port = int(url.rpartition(":")[2])
    return f"http://{NAME}:{port}", port


def test_a_dead_address_takes_its_share_and_the_good_one_comes_first_next_time(
    names: Names,
) -> None:
    with raw_server(ACCEPT) as server:
        url, port = named(server.url)
        with dead_host(port) as dead, client_of(url, timeout_s=TIMEOUT_S) as client:
            names.hosts = [dead, "127.0.0.1"]
            took_s = []
            for _ in range(3):
                started_s = time.monotonic()
                assert client.send_quick(QUICK).sms_id == 2197871
                took_s.append(time.monotonic() - started_s)

        assert 0.3 < took_s[0] < TIMEOUT_S
        assert max(took_s[1:]) < 0.3
        assert server.connections == 3


def test_several_dead_addresses_leave_time_for_the_one_that_lives(names: Names) -> None:
    with raw_server(ACCEPT) as server:
        url, port = named(server.url)
        with (
            dead_host(port) as one,
            dead_host(port, "127.0.0.3") as another,
            client_of(url, timeout_s=TIMEOUT_S) as client,
        ):
            names.hosts = [one, another, "127.0.0.1"]

            assert client.send_quick(QUICK).sms_id == 2197871


def test_a_refusing_address_is_passed_at_once(names: Names) -> None:
    with raw_server(ACCEPT) as server:
        url, _ = named(server.url)
        names.hosts = ["127.0.0.9", "127.0.0.1"]
        started_s = time.monotonic()
        with client_of(url, timeout_s=10) as client:
            client.send_quick(QUICK)

        assert time.monotonic() - started_s < 2


def test_when_all_addresses_are_dead_nothing_was_sent_within_the_deadline(names: Names) -> None:
    port = free_port()
    with dead_host(port) as one, dead_host(port, "127.0.0.3") as another:
        names.hosts = [one, another]
        started_s = time.monotonic()
        with (
            client_of(f"http://{NAME}:{port}", timeout_s=0.5) as client,
            pytest.raises(NotSentError),
        ):
            client.send_quick(QUICK)

        assert time.monotonic() - started_s < 1.5


def test_an_address_that_has_gone_is_not_tried_first(names: Names) -> None:
    with raw_server(ACCEPT) as server, client_of(named(server.url)[0]) as client:
        client.send_quick(QUICK)
        names.hosts = ["127.0.0.9"]

        with pytest.raises(NotSentError):
            client.send_quick(QUICK)


def test_a_name_that_is_looked_up_for_too_long_sends_nothing_and_is_asked_once(
    names: Names,
) -> None:
    names.goes_on.clear()
    with raw_server(ACCEPT) as server, client_of(named(server.url)[0], timeout_s=0.3) as client:
        for _ in range(3):
            started_s = time.monotonic()
            with pytest.raises(NotSentError):
                client.send_quick(QUICK)
            assert time.monotonic() - started_s < 1

        assert names.asked == 1
        assert server.connections == 0


@pytest.mark.parametrize("error", [None, socket.gaierror(socket.EAI_AGAIN, "later")])
def test_what_was_found_earlier_serves_while_names_cannot_be_looked_up(
    names: Names, error: Exception | None
) -> None:
    with raw_server(ACCEPT) as server, client_of(named(server.url)[0], timeout_s=1) as client:
        client.send_quick(QUICK)
        names.error = error
        if error is None:
            names.goes_on.clear()

        assert client.send_quick(QUICK).sms_id == 2197871
        assert names.asked == 2


def test_a_name_that_is_gone_is_not_served_from_memory(names: Names) -> None:
    with raw_server(ACCEPT) as server, client_of(named(server.url)[0], timeout_s=1) as client:
        client.send_quick(QUICK)
        names.error = socket.gaierror(socket.EAI_NONAME, "no such name")

        with pytest.raises(NotSentError):
            client.send_quick(QUICK)


def test_threads_that_look_for_one_name_at_a_time_share_the_look_up(names: Names) -> None:
    names.goes_on.clear()
    lookups, found = Lookups(), []

    def look() -> None:
        with exchange(5):
            found.append(lookups.find(NAME, 80)[0][4])

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    names.goes_on.set()
    for thread in threads:
        thread.join()

    assert found == [("127.0.0.1", 80)] * 8
    assert names.asked < 8
