"""An answer that refuses a post arrives, whatever the sender goes on to send."""

from __future__ import annotations

import socket

import pytest

from tests.worker.test_web import Web, environ, web
from worker import refusal

__all__ = ["environ", "web"]

LARGE = b"x" * 5_000_000
HEAD = b"POST /receipts/jnone/forged HTTP/1.1\r\nHost: smsq\r\nContent-Length: %d\r\n\r\n"


def test_a_sender_of_a_large_body_reads_the_refusal(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as connection:
        connection.sendall(HEAD % len(LARGE) + LARGE)
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in answer


def test_a_sender_that_goes_silent_is_answered_and_hung_up_on(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal, "LINGER_S", 0.1)
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as connection:
        connection.sendall(HEAD % len(LARGE) + b"x")
        answer = connection.makefile("rb").read()  # to the end: nobody waits for the rest

    assert answer.startswith(b"HTTP/1.1 404 ")


def test_a_sender_without_an_end_is_hung_up_on(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal, "LINGER_BYTES", 100_000)
    address = "127.0.0.1", web.port
    with socket.create_connection(address, timeout=20) as sender, pytest.raises(ConnectionError):
        sender.sendall(HEAD % (20 * len(LARGE)) + 20 * LARGE)
