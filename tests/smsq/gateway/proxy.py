"""A small HTTP proxy, for `raw_server`: tunnels and forwards, and sees what it is told."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from tests.smsq.gateway.raw import Connection, answer


def relay(connection: Connection) -> None:
    """Serve one connection of a client: to wherever its first request says."""
    request = connection.read()
    if request is None:
        return
    target = request.head.split(" ", 2)[1]
    is_tunnel = request.method == "CONNECT"
    parts = urlsplit(f"//{target}" if is_tunnel else target)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as upstream:
        if is_tunnel:
            connection.socket.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream.sendall(f"{request.head}\r\n\r\n".encode("latin-1") + request.body)
        back = threading.Thread(target=_pump, args=(upstream, connection.socket))
        back.start()
        _pump(connection.socket, upstream)
        back.join()


def refuse(connection: Connection) -> None:
    """Ask for a password that was not given."""
    connection.read()
    connection.socket.sendall(answer(407, b"", ["Proxy-Authenticate: Basic"]))


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
