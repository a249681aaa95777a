from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from bench.door import ignore_newcomers

#: A packet that the kernel drops never comes: what is waited for comes at once, or not at all.
WAIT_S = 0.3


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        one.settimeout(WAIT_S)
        yield one


def connect(listener: socket.socket) -> socket.socket:
    visitor = socket.socket()
    visitor.settimeout(WAIT_S)
    try:
        visitor.connect(listener.getsockname())
    except OSError:
        visitor.close()
        raise
    return visitor


def test_a_door_about_to_shut_ignores_newcomers(listener):
    ignore_newcomers(listener)
    with pytest.raises(TimeoutError):
        connect(listener)


def test_who_stands_before_the_door_is_still_let_in_and_heard(listener):
    with closing(connect(listener)) as visitor:
        ignore_newcomers(listener)
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(WAIT_S)
            visitor.sendall(b"request")
            assert accepted.recv(100) == b"request"


def test_a_connection_that_inherits_the_filter_is_heard(listener):
    """The kernel copies a listener's filter to connections whose handshake is under way."""
    with closing(connect(listener)) as visitor:
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(WAIT_S)
            ignore_newcomers(accepted)
            visitor.sendall(b"request")
            assert accepted.recv(100) == b"request"
