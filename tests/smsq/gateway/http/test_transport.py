"""Deadlines that nothing outlasts, answers that fit, connections that are kept and let go, TLS."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from smsq.errors import GatewayError, MisconfiguredError, NotSentError, UnknownOutcomeError
from smsq.gateway.calls import SEND_MAX_BYTES
from smsq.gateway.http import transport
from smsq.gateway.http.addresses import open_socket
from tests.certificates import SelfSigned
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

#: A deadline of `TIMEOUT_S` that holds ends long before this, on the slowest machine.
TIMEOUT_S, LATEST_S = 0.5, 3.0

LONG_HEAD = b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1000
LONG_BODY = answer(200, b"", length=1000)


def drip_head(connection: Connection) -> None:
    connection.read()
    connection.drip(LONG_HEAD)


def drip_body(connection: Connection) -> None:
    connection.read()
    connection.socket.sendall(LONG_BODY)
    connection.drip(b" " * 1000)


def drip_interim_answers(connection: Connection) -> None:
    connection.read()
    while not connection.stopped.wait(0.1):
        connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def drip_chunks(connection: Connection) -> None:
    connection.read()
    connection.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not connection.stopped.wait(0.1):
        connection.socket.sendall(b"1\r\n \r\n")


def redirect_and_drip(connection: Connection) -> None:
    connection.read()
    connection.socket.sendall(answer(302, b"", ["Location: /x"], length=1000))
    connection.drip(b" " * 1000)


@pytest.mark.parametrize(
    "serve", [drip_head, drip_body, drip_interim_answers, drip_chunks, redirect_and_drip]
)
def test_an_answer_that_drips_does_not_outlast_the_deadline(
    serve: Callable[[Connection], None],
) -> None:
    with raw_server(serve) as server, client_of(server.url, timeout_s=TIMEOUT_S) as client:
        started_s = time.monotonic()
        with pytest.raises(GatewayError) as failed:
            client.send_quick(QUICK)
        took_s = time.monotonic() - started_s

    assert TIMEOUT_S * 0.9 <= took_s < LATEST_S
    wanted = MisconfiguredError if serve is redirect_and_drip else UnknownOutcomeError
    assert type(failed.value) is wanted


def test_a_slow_answer_within_the_deadline_is_read() -> None:
    def drip(connection: Connection) -> None:
        connection.read()
        connection.drip(answer(200, ACCEPTED), pause_s=0.001)

    with raw_server(drip) as server, client_of(server.url) as client:
        assert client.send_quick(QUICK).sms_id == 2197871


@pytest.mark.long
def test_a_deadline_is_for_one_request_and_not_for_the_connection() -> None:
    def slow(connection: Connection) -> None:
        while connection.read():
            connection.stopped.wait(0.3)
            connection.socket.sendall(answer(200, ACCEPTED))

    with raw_server(slow) as server, client_of(server.url, timeout_s=1) as client:
        for _ in range(4):
            client.send_quick(QUICK)
        assert server.connections == 1


@pytest.mark.parametrize("status", [200, 302, 500])
def test_an_endless_answer_is_cut_off(status: int) -> None:
    sent: list[int] = []

    def flood(connection: Connection) -> None:
        connection.read()
        head = f"HTTP/1.1 {status} OK\r\nLocation: /x\r\n\r\n".encode()
        connection.socket.sendall(head)
        while not connection.stopped.is_set():
            sent.append(connection.socket.send(b" " * 65536))

    with raw_server(flood) as server, client_of(server.url, timeout_s=20) as client:
        with pytest.raises(GatewayError) as failed:
            client.send_quick(QUICK)
        wait_until(lambda: server.closed, "the client hung up")

    assert failed.value.status == status
    # What lies in the buffers of two sockets comes on top of what was read.
    assert sum(sent) < SEND_MAX_BYTES + 32 * 1024 * 1024


def test_the_largest_answer_is_read_and_a_byte_more_is_not() -> None:
    def padded(size: int) -> bytes:
        return answer(200, ACCEPTED.ljust(size))

    answers = answering(padded(SEND_MAX_BYTES), padded(SEND_MAX_BYTES + 1))
    with raw_server(answers) as server, client_of(server.url) as client:
        assert client.send_quick(QUICK).sms_id == 2197871
        with pytest.raises(UnknownOutcomeError):
            client.send_quick(QUICK)


def test_requests_of_one_thread_share_a_connection() -> None:
    with raw_server(answering(answer(200, ACCEPTED))) as server, client_of(server.url) as client:
        for _ in range(20):
            client.send_quick(QUICK)

        assert (server.connections, len(server.received)) == (1, 20)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 302])
def test_a_failure_that_was_read_whole_keeps_the_connection(status: int) -> None:
    said = answer(status, b'{"error": "why"}', ["Location: /x"])
    with raw_server(answering(said)) as server, client_of(server.url) as client:
        for _ in range(5):
            with pytest.raises(GatewayError):
                client.send_quick(QUICK)

        assert (server.connections, len(server.received)) == (1, 5)


def test_a_connection_that_the_gateway_closed_while_idle_makes_no_unknown() -> None:
    def answer_once(connection: Connection) -> None:
        connection.read()
        connection.socket.sendall(answer(200, ACCEPTED))

    with raw_server(answer_once) as server, client_of(server.url) as client:
        for _ in range(5):
            assert client.send_quick(QUICK).sms_id == 2197871
            wait_until(lambda: server.closed == server.connections, "closed by the server")

        assert (server.connections, len(server.received)) == (5, 5)


def test_a_late_answer_is_not_taken_for_that_of_the_next_request() -> None:
    def late(connection: Connection) -> None:
        while connection.read():
            if connection.number == 1:
                connection.stopped.wait(0.6)
            said = b'{"sms_id": %d, "status": "NEW", "parts": 1}' % connection.number
            connection.socket.sendall(answer(200, said))

    with raw_server(late) as server, client_of(server.url, timeout_s=0.4) as client:
        with pytest.raises(UnknownOutcomeError):
            client.send_quick(QUICK)
        assert client.send_quick(QUICK).sms_id == 2


def test_neither_proxy_nor_password_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with raw_server(answering(answer(500))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        with raw_server(answering(answer(200, ACCEPTED))) as server, client_of(server.url) as c:
            c.send_quick(QUICK)
            assert server.received[0].header("Authorization") is None
        assert proxy.connections == 0


def test_a_certificate_that_nobody_signed_gets_no_request(self_signed: SelfSigned) -> None:
    accepted = answering(answer(200, ACCEPTED))
    with raw_server(accepted, self_signed.context) as server, client_of(server.url) as client:
        with pytest.raises(MisconfiguredError, match="TLS"):
            client.send_quick(QUICK)
        assert server.connections == 1
        assert server.received == []


def test_a_gateway_that_hangs_up_during_the_handshake_was_sent_nothing() -> None:
    def hang_up(connection: Connection) -> None:
        connection.socket.recv(65536)

    with (
        raw_server(hang_up) as server,
        client_of(server.url.replace("http:", "https:")) as client,
        pytest.raises(NotSentError),
    ):
        client.send_quick(QUICK)


def test_a_gateway_that_speaks_no_tls_has_a_wrong_address() -> None:
    def speak(connection: Connection) -> None:
        connection.socket.sendall(answer(400))
        connection.socket.recv(65536)

    with (
        raw_server(speak) as server,
        client_of(server.url.replace("http:", "https:")) as client,
        pytest.raises(MisconfiguredError, match="TLS"),
    ):
        client.send_quick(QUICK)


def test_a_handshake_that_hangs_does_not_outlast_the_deadline() -> None:
    with raw_server(lambda connection: connection.drip(b"\x16\x03\x03\x20\x00")) as server:
        url = server.url.replace("http:", "https:")
        with client_of(url, timeout_s=TIMEOUT_S) as client:
            started_s = time.monotonic()
            with pytest.raises(NotSentError):
                client.send_quick(QUICK)
            assert time.monotonic() - started_s < LATEST_S


def test_a_deadline_that_passes_before_the_handshake_leaves_no_socket_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[socket.socket] = []

    def connect_late(host: str, port: int, options: Iterable[Any]) -> socket.socket:
        made.append(open_socket(host, port, options))
        time.sleep(0.6)
        return made[-1]

    monkeypatch.setattr(transport, "open_socket", connect_late)
    with (
        raw_server(lambda connection: connection.drip(b"")) as server,
        client_of(server.url.replace("http:", "https:"), timeout_s=0.5) as client,
    ):
        with pytest.raises(NotSentError):
            client.send_quick(QUICK)

        assert [one.fileno() for one in made] == [-1]
