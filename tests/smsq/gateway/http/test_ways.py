"""The way to the gateway: through a proxy, with a certificate of one's own, and not otherwise."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from smsq.errors import MisconfiguredError, NotSentError, UnknownOutcomeError
from smsq.gateway.client import GatewayClient
from smsq.gateway.http import transport
from tests.certificates import SelfSigned
from tests.smsq.gateway.proxy import refuse, relay
from tests.smsq.gateway.raw import (
    ACCEPTED,
    QUICK,
    TOKEN,
    Connection,
    RawServer,
    answer,
    answering,
    raw_server,
)
from tests.support import free_port

ACCEPT = answering(answer(200, ACCEPTED))
TIMEOUT_S, LATEST_S = 0.5, 3.0


@contextmanager
def client_by(
    url: str, *, ca_file: str = "", proxy: str = "", timeout_s: float = 10.0
) -> Iterator[GatewayClient]:
    client = GatewayClient(url, TOKEN, timeout_s=timeout_s, ca_file=ca_file, proxy=proxy)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def gateway_and_proxy(
    tls: ssl.SSLContext | None, serve: Callable[[Connection], None] = relay
) -> Iterator[tuple[RawServer, RawServer]]:
    with raw_server(ACCEPT, tls) as gateway, raw_server(serve) as proxy:
        yield gateway, proxy


def with_password(proxy: RawServer) -> str:
    return proxy.url.replace("http://", "http://me:hid%40den@")


PASSWORD = "Basic " + base64.b64encode(b"me:hid@den").decode()


def test_a_certificate_of_ones_own_is_trusted_where_it_is_named(self_signed: SelfSigned) -> None:
    with (
        raw_server(ACCEPT, self_signed.context) as gateway,
        client_by(gateway.url, ca_file=self_signed.ca_file) as client,
    ):
        for _ in range(3):
            assert client.send_quick(QUICK).sms_id == 2197871

        assert gateway.connections == 1


def test_a_certificate_for_another_name_gets_no_request(self_signed: SelfSigned) -> None:
    with raw_server(ACCEPT, self_signed.context) as gateway:
        url = gateway.url.replace("127.0.0.1", "localhost")
        with (
            client_by(url, ca_file=self_signed.ca_file) as client,
            pytest.raises(MisconfiguredError, match="TLS"),
        ):
            client.send_quick(QUICK)

        assert gateway.received == []


def test_certificates_in_the_environment_are_not_trusted(
    self_signed: SelfSigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, self_signed.ca_file)
    with (
        raw_server(ACCEPT, self_signed.context) as gateway,
        client_by(gateway.url) as client,
        pytest.raises(MisconfiguredError, match="TLS"),
    ):
        client.send_quick(QUICK)


def test_certificates_are_read_once_and_not_for_each_connection(
    self_signed: SelfSigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[ssl.SSLContext] = []

    def make() -> ssl.SSLContext:
        read.append(ssl.create_default_context())
        return read[-1]

    monkeypatch.setattr(transport, "create_urllib3_context", make)
    closing = answering(answer(200, ACCEPTED, ["Connection: close"]))
    with (
        raw_server(closing, self_signed.context) as gateway,
        client_by(gateway.url, ca_file=self_signed.ca_file) as client,
    ):
        for _ in range(3):
            client.send_quick(QUICK)

        assert (gateway.connections, len(read)) == (3, 1)


def test_a_request_goes_through_a_proxy_in_full() -> None:
    with (
        gateway_and_proxy(None) as (gateway, proxy),
        client_by(gateway.url, proxy=with_password(proxy)) as client,
    ):
        for _ in range(3):
            assert client.send_quick(QUICK).sms_id == 2197871

        (first, *_) = proxy.received
        assert first.head.split(" ", 2)[1].startswith(f"{gateway.url}/api/v1/sendQuickSMS?")
        assert first.header("Host") == gateway.url.removeprefix("http://")
        assert first.header("Proxy-Authorization") == PASSWORD
        assert (proxy.connections, gateway.connections, len(gateway.received)) == (1, 1, 3)


def test_a_proxy_in_a_tunnel_learns_the_host_alone(self_signed: SelfSigned) -> None:
    with (
        gateway_and_proxy(self_signed.context) as (gateway, proxy),
        client_by(gateway.url, ca_file=self_signed.ca_file, proxy=with_password(proxy)) as client,
    ):
        for _ in range(3):
            assert client.send_quick(QUICK).sms_id == 2197871

        (asked,) = proxy.received
        assert asked.head.startswith(f"CONNECT {gateway.url.removeprefix('https://')} ")
        assert asked.header("Proxy-Authorization") == PASSWORD
        assert TOKEN not in asked.head
        for received in gateway.received:
            assert received.path == "/api/v1/sendQuickSMS"
            assert received.header("Proxy-Authorization") is None
        assert (proxy.connections, gateway.connections, len(gateway.received)) == (1, 1, 3)


def test_a_certificate_is_checked_through_a_tunnel_too(self_signed: SelfSigned) -> None:
    with (
        gateway_and_proxy(self_signed.context) as (gateway, proxy),
        client_by(gateway.url, proxy=proxy.url) as client,
        pytest.raises(MisconfiguredError, match="TLS"),
    ):
        client.send_quick(QUICK)


def hang_up(connection: Connection) -> None:
    connection.read()


def talk(connection: Connection) -> None:
    connection.read()
    connection.socket.sendall(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize("serve", [refuse, hang_up, talk])
def test_a_tunnel_that_is_not_made_sent_nothing(
    serve: Callable[[Connection], None], self_signed: SelfSigned
) -> None:
    with (
        gateway_and_proxy(self_signed.context, serve) as (gateway, proxy),
        client_by(gateway.url, ca_file=self_signed.ca_file, proxy=proxy.url) as client,
    ):
        with pytest.raises(NotSentError):
            client.send_quick(QUICK)

        assert gateway.connections == 0


def test_a_proxy_that_drips_does_not_outlast_the_deadline(self_signed: SelfSigned) -> None:
    def drip(connection: Connection) -> None:
        connection.read()
        connection.drip(b"HTTP/1.1 200 " + b"x" * 1000)

    with (
        gateway_and_proxy(self_signed.context, drip) as (gateway, proxy),
        client_by(gateway.url, proxy=proxy.url, timeout_s=TIMEOUT_S) as client,
    ):
        started_s = time.monotonic()
        with pytest.raises(NotSentError):
            client.send_quick(QUICK)
        assert time.monotonic() - started_s < LATEST_S


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_sent_nothing(scheme: str) -> None:
    with (
        client_by(f"{scheme}://gateway.example", proxy=f"http://127.0.0.1:{free_port()}") as client,
        pytest.raises(NotSentError),
    ):
        client.send_quick(QUICK)


def test_a_tunnel_that_breaks_after_the_request_is_unknown(self_signed: SelfSigned) -> None:
    def read_and_hang_up(connection: Connection) -> None:
        connection.read()

    with (
        raw_server(read_and_hang_up, self_signed.context) as gateway,
        raw_server(relay) as proxy,
        client_by(gateway.url, ca_file=self_signed.ca_file, proxy=proxy.url) as client,
    ):
        with pytest.raises(UnknownOutcomeError):
            client.send_quick(QUICK)

        assert len(gateway.received) == 1


def test_a_client_does_not_show_the_proxys_password() -> None:
    with client_by("https://gateway.example", proxy="http://me:hidden@proxy.example") as client:
        assert "hidden" not in repr(client) + repr(vars(client))


def test_a_forwarding_proxy_that_wants_a_password_stops_sending_and_rejects_nothing() -> None:
    with (
        raw_server(refuse) as proxy,
        client_by("http://gateway.example", proxy=proxy.url) as client,
        pytest.raises(MisconfiguredError, match="407"),
    ):
        client.send_quick(QUICK)
