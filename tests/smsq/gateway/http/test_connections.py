"""Connections that all threads share: as few as there are requests at a time, none too old."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsq.errors import GatewayError, UnknownOutcomeError
from smsq.gateway.client import GatewayClient
from smsq.gateway.http import connections as connections_module
from smsq.gateway.http.connections import Connections, find_idle_s
from smsq.models import QuickRequest
from tests.smsq.gateway.raw import (
    ACCEPTED,
    QUICK,
    Connection,
    answer,
    answering,
    client_of,
    raw_server,
)
from tests.support import wait_until

AT_ONCE = 4


class Together:
    """Answers when so many requests are there, and then each at once."""

    def __init__(self, parties: int = AT_ONCE) -> None:
        self._barrier = threading.Barrier(parties)
        self.is_over = False
        self.used: Counter[int] = Counter()

    def __call__(self, connection: Connection) -> None:
        while connection.read():
            self.used[connection.number] += 1
            if not self.is_over:
                self._barrier.wait(10)
            connection.socket.sendall(answer(200, ACCEPTED))


def send_together(client: GatewayClient, together: Together, parties: int = AT_ONCE) -> None:
    with ThreadPoolExecutor(parties) as pool:
        list(pool.map(client.send_quick, [QUICK] * parties))
    together.is_over = True
    together.used.clear()


def test_there_are_as_many_connections_as_requests_at_a_time() -> None:
    together = Together()
    with raw_server(together) as server, client_of(server.url) as client:
        send_together(client, together)
        together.is_over = False
        send_together(client, together)

        assert server.connections == AT_ONCE


def test_the_connection_used_last_is_used_next() -> None:
    together = Together()
    with raw_server(together) as server, client_of(server.url) as client:
        send_together(client, together)
        for _ in range(20):
            client.send_quick(QUICK)

        assert list(together.used.values()) == [20]


def test_connections_that_are_not_needed_any_more_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections_module, "MAX_IDLE_S", 0.5)
    together = Together()
    with raw_server(together) as server, client_of(server.url) as client:
        send_together(client, together)

        def others_are_closed() -> bool:
            client.send_quick(QUICK)
            return server.closed == AT_ONCE - 1

        wait_until(others_are_closed, "one is left")
        assert server.connections == AT_ONCE


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections_module, "MAX_IDLE_S", 0.0)
    with raw_server(answering(answer(200, ACCEPTED))) as server, client_of(server.url) as client:
        for _ in range(3):
            client.send_quick(QUICK)
            time.sleep(0.001)

        assert server.connections == 3


def test_a_connection_is_given_up_before_common_servers_give_it_up() -> None:
    assert connections_module.MAX_IDLE_S < 5


def test_a_gateway_that_restarts_costs_no_idle_connection_a_message() -> None:
    """All kept connections are closed at once: the next requests find out before they write."""
    together = Together()

    def answer_once(connection: Connection) -> None:
        if connection.read():
            if not together.is_over:
                together._barrier.wait(10)
            connection.socket.sendall(answer(200, ACCEPTED))

    with raw_server(answer_once) as server, client_of(server.url) as client:
        send_together(client, together)
        wait_until(lambda: server.closed == AT_ONCE, "the gateway closed them")

        assert client.send_quick(QUICK).sms_id == 2197871
        assert len(server.received) == AT_ONCE + 1


def test_a_request_that_is_lost_is_not_made_again_on_another_connection() -> None:
    def die_at_the_second(connection: Connection) -> None:
        connection.read()
        connection.socket.sendall(answer(200, ACCEPTED))
        connection.read()

    with raw_server(die_at_the_second) as server, client_of(server.url) as client:
        client.send_quick(QUICK)
        with pytest.raises(UnknownOutcomeError):
            client.send_quick(QUICK)

        assert (server.connections, len(server.received)) == (1, 2)


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    def answer_twice(connection: Connection) -> None:
        while connection.read():
            said = b'{"sms_id": %d}' % len(connection.received)
            connection.socket.sendall(answer(200, said) + answer(200, b'{"sms_id": 99}'))

    with raw_server(answer_twice) as server, client_of(server.url) as client:
        for n in range(1, 6):
            assert client.send_quick(QUICK).sms_id == n
        assert server.connections == 5


@pytest.mark.parametrize("header", ["Connection: close", "connection: Close"])
def test_a_connection_that_the_gateway_ends_is_not_used_again(header: str) -> None:
    with (
        raw_server(answering(answer(200, ACCEPTED, [header]))) as server,
        client_of(server.url) as client,
    ):
        for _ in range(3):
            client.send_quick(QUICK)

        assert server.connections == 3
        wait_until(lambda: server.closed == 3, "the client closed them, too")


def test_each_of_a_hundred_threads_gets_the_answer_to_its_own_request() -> None:
    def repeat_phone(connection: Connection) -> None:
        while request := connection.read():
            phone = dict(request.query)["phone"]
            connection.socket.sendall(answer(200, json.dumps({"sms_id": int(phone)}).encode()))

    phones = [f"37529{n:07d}" for n in range(1000)]
    requests = [QuickRequest(phone=phone, text="t", alphaname_id="1") for phone in phones]
    with raw_server(repeat_phone) as server, client_of(server.url) as client:
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(client.send_quick, requests))

        assert [str(one.sms_id) for one in answers] == phones
        assert server.connections <= 100


def test_a_closed_client_keeps_no_connection() -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        while connection.read():
            arrived.set()
            go_on.wait(10)
            connection.socket.sendall(answer(200, ACCEPTED))

    with raw_server(hold) as server, client_of(server.url) as client:
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(client.send_quick, QUICK)
            assert arrived.wait(10)
            client.close()
            go_on.set()
            assert sent.result().sms_id == 2197871
        wait_until(lambda: server.closed == 1, "it is closed after its answer")
        client.send_quick(QUICK)
        wait_until(lambda: server.closed == 2, "and so is a later one")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://gateway.example", "gateway.example"),
        ("https://gateway.example:443", "gateway.example"),
        ("http://gateway.example:443", "gateway.example:443"),
        ("http://Gateway.example:8080", "gateway.example:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://шлюз.бел", "xn--g1ah2bza.xn--90ais"),
    ],
)
def test_a_request_names_its_host_as_browsers_do(url: str, host: str) -> None:
    assert f"Host: {host}\r\n" in Connections(url).way.headers


@pytest.mark.parametrize("url", ["http://*.example", f"http://{'я' * 64}.example"])
def test_a_name_that_cannot_be_one_is_not_sent(url: str) -> None:
    with client_of(url) as client, pytest.raises(GatewayError) as failed:
        client.send_quick(QUICK)
    assert not isinstance(failed.value, UnknownOutcomeError)


@pytest.mark.parametrize(
    ("header", "idle_s"),
    [
        (None, 3.0),
        ("", 3.0),
        ("timeout=2", 1.0),
        ("timeout=2, max=100", 1.0),
        ("max=5, Timeout = 1", 0.5),
        ('timeout="4"', 2.0),
        ("timeout=65", 3.0),
        ("timeout=0", 0.0),
        ("timeout=soon", 3.0),
        ("timeout=99999999999", 3.0),
    ],
)
def test_the_time_that_a_server_announces_is_halved(header: str | None, idle_s: float) -> None:
    assert find_idle_s(header) == idle_s


def test_a_connection_is_not_used_when_its_server_is_about_to_close_it() -> None:
    brief = answering(answer(200, ACCEPTED, ["Keep-Alive: timeout=1"]))
    with raw_server(brief) as server, client_of(server.url) as client:
        client.send_quick(QUICK)
        client.send_quick(QUICK)
        assert server.connections == 1
        time.sleep(0.6)
        client.send_quick(QUICK)

        assert server.connections == 2


def test_a_server_that_announces_no_time_at_all_gets_a_connection_for_each_request() -> None:
    none = answering(answer(200, ACCEPTED, ["Keep-Alive: timeout=0"]))
    with raw_server(none) as server, client_of(server.url) as client:
        for _ in range(3):
            client.send_quick(QUICK)

        assert server.connections == 3
