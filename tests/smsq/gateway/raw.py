"""Servers that do to a connection what a real gateway only does on a bad day."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from smsq.gateway.client import GatewayClient
from smsq.models import MessageRequest, QuickRequest
from tests.support import wait_until

TOKEN = "tok+en/4f1c9d72aa=="
TEXT = "Ваш секретный код: K4Q8Z7"
PHONE = "375291234567"
QUICK = QuickRequest(phone=PHONE, text=TEXT, alphaname_id="123")
BULK = [
    MessageRequest(name="Sale", alphaname_id="123", text=TEXT, recipients={PHONE: None}),
    MessageRequest(
        name="Bills", alphaname_id="7", text=None, recipients={"375297654321": "owe 15 roubles"}
    ),
]
ACCEPTED = b'{"sms_id": 2197871, "status": "NEW", "parts": 1}'


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stood on the wire."""

    head: str
    body: bytes

    @property
    def method(self) -> str:
        return self.head.split(" ", 1)[0]

    @property
    def path(self) -> str:
        return urlsplit(self.head.split(" ", 2)[1]).path

    @property
    def query(self) -> list[tuple[str, str]]:
        target = self.head.split(" ", 2)[1]
        return parse_qsl(
            urlsplit(target).query, keep_blank_values=True, strict_parsing=bool("?" in target)
        )

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


@dataclass(slots=True)
class Connection:
    """One connection that a client made."""

    socket: socket.socket
    number: int
    stopped: threading.Event
    received: list[Request]

    def read(self) -> Request | None:
        """Read one request; None when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        request = Request(head.decode("latin-1"), b"")
        length = int(request.header("Content-Length") or 0)
        while len(body) < length:
            body += self.socket.recv(65536)
        request = Request(request.head, body)
        self.received.append(request)
        return request

    def drip(self, data: bytes, *, pause_s: float = 0.1) -> None:
        """Send a byte at a time until the client has gone."""
        for byte in data:
            if self.stopped.wait(pause_s):
                return
            self.socket.sendall(bytes([byte]))

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


def answer(
    status: int, body: bytes = b"", headers: Sequence[str] = (), *, length: int | None = None
) -> bytes:
    """Write an answer."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {size}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answering(*answers: bytes) -> Callable[[Connection], None]:
    """Answer each request of a connection; the last answer again and again."""

    def serve(connection: Connection) -> None:
        for n in range(10_000):
            if connection.read() is None:
                return
            connection.socket.sendall(answers[min(n, len(answers) - 1)])

    return serve


class RawServer:
    """A server that hands each connection to `serve`, and closes it afterwards."""

    def __init__(self, serve: Callable[[Connection], None], tls: ssl.SSLContext | None) -> None:
        self.received: list[Request] = []
        self.connections = 0
        self.closed = 0
        self._serve, self._tls = serve, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        """Hang up on everybody."""
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for held in self._open:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: self.closed == self.connections, "every connection is closed")

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(accepted)
            threading.Thread(target=self._handle, args=(accepted, self.connections)).start()

    def _handle(self, accepted: socket.socket, number: int) -> None:
        # The client may hang up, as many tests want it.
        with suppress(OSError), accepted:
            held = accepted
            if self._tls:
                held = self._tls.wrap_socket(accepted, server_side=True)
                self._open.append(held)
            with held:
                self._serve(Connection(held, number, self._stopped, self.received))
        self.closed += 1


@contextmanager
def raw_server(
    serve: Callable[[Connection], None], tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    """Run a server."""
    server = RawServer(serve, tls)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def client_of(url: str, *, timeout_s: float = 10.0) -> Iterator[GatewayClient]:
    """Make a client, and close it."""
    client = GatewayClient(url, TOKEN, timeout_s=timeout_s)
    try:
        yield client
    finally:
        client.close()


def json_bytes(document: object) -> bytes:
    """Write JSON as a gateway does."""
    return json.dumps(document).encode()
