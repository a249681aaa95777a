"""HTTP with a deadline for the whole request, and certainty about what was written.

In:  one request of a thread. Out: connections that keep its deadline and note its first byte.

`requests` has a time-out per `recv`, which a gateway that drips one byte a second outlasts, and its
exceptions do not say whether the request went out. So each connection's socket is wrapped: every
operation gets what is left of the deadline, and the first write is noted.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

_LEAST_S = 0.001


class Exchange(threading.local):
    """What the current thread's request may still take, and whether any of it was written."""

    until_s = 0.0
    has_written = False

    def left_s(self) -> float:
        """Seconds to the deadline; raises TimeoutError when it has passed."""
        left_s = self.until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("deadline passed")
        return max(left_s, _LEAST_S)


_exchange = Exchange()


@contextmanager
def exchange(timeout_s: float) -> Iterator[Exchange]:
    """Begin one request of this thread."""
    _exchange.until_s = time.monotonic() + timeout_s
    _exchange.has_written = False
    yield _exchange


def forget_exchange() -> None:
    """Begin anew: nothing of this thread's next request was written yet."""
    _exchange.has_written = False


def has_written() -> bool:
    """Say whether any of this thread's request was written."""
    return _exchange.has_written


class DeadlineSocket:
    """A socket whose every operation is bounded by the thread's deadline."""

    def __init__(self, wrapped: socket.socket) -> None:
        self._wrapped = wrapped
        self._unread = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Write; the time-out of `sendall` is for all of it."""
        self._wrapped.settimeout(_exchange.left_s())
        _exchange.has_written = True
        self._wrapped.sendall(data, flags)

    def recv(self, size: int) -> bytes:
        """Read what is there, within what is left."""
        self._wrapped.settimeout(_exchange.left_s())
        return self._wrapped.recv(size)

    def unread(self, data: bytes) -> None:
        """Have the next reader begin with what was read already."""
        self._unread = data

    def recv_into(self, buffer: Any) -> int:
        """Read what is there, within what is left."""
        if self._unread:
            ahead, self._unread = self._unread[: len(buffer)], self._unread[len(buffer) :]
            buffer[: len(ahead)] = ahead
            return len(ahead)
        self._wrapped.settimeout(_exchange.left_s())
        return self._wrapped.recv_into(buffer)

    def makefile(self, mode: str = "rb", *_: object, **__: object) -> BufferedReader:
        """Make the reader that http.client takes answers from."""
        if mode != "rb":
            raise ValueError(mode)
        return BufferedReader(_Reader(self, self._wrapped.makefile("rb", buffering=0)))


class _Reader(RawIOBase):
    """Reads through a `DeadlineSocket`; holds the socket open as its own file would."""

    def __init__(self, reads: DeadlineSocket, holds: Any) -> None:
        self._reads = reads
        self._holds = holds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._reads.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._holds.close()
        super().close()


class _Connection(HTTPConnection):
    def connect(self) -> None:
        self.timeout = _exchange.left_s()
        super().connect()
        self.sock = DeadlineSocket(self.sock)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        # What connecting took, the handshake does not get again.
        try:
            connected.settimeout(_exchange.left_s())
        except TimeoutError:
            connected.close()
            raise
        return connected

    def _tunnel(self) -> None:
        # A proxy that drips does not outlast the deadline, and what it is asked is not the request.
        connected = self.sock
        self.sock = DeadlineSocket(connected)
        try:
            super()._tunnel()
        finally:
            forget_exchange()
        connected.settimeout(_exchange.left_s())
        self.sock = connected

    def connect(self) -> None:
        self.timeout = _exchange.left_s()
        super().connect()
        self.sock = DeadlineSocket(self.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class Adapter(HTTPAdapter):
    """Keeps one connection for each host, and repeats nothing."""

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Have every pool make connections with a deadline."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Have every pool behind a proxy do so, too."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def pool_for(
        self, request: requests.PreparedRequest, *, ca_file: str, proxy: str
    ) -> HTTPConnectionPool:
        """Give the pool that makes connections to a request's host, certificates checked.

        Args:
            request: To any address of the host.
            ca_file: PEM with the certificates to trust; "" for those that come with requests.
            proxy: URL of a proxy; "" for none.
        """
        proxies = {"http": proxy, "https": proxy} if proxy else None
        pool: Any = self.get_connection_with_tls_context(request, True, proxies)
        if isinstance(pool, HTTPSConnectionPool):
            # Reading the certificates takes 20 ms: once, and not for each connection.
            context = create_urllib3_context()
            context.load_verify_locations(ca_file or DEFAULT_CA_BUNDLE_PATH)
            pool.conn_kw["ssl_context"] = context
        return pool  # type: ignore[no-any-return]


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Know no redirects: requests would read the whole body before it does not follow one."""


def make_session() -> requests.Session:
    """Make a session for one thread.

    It follows no redirects, repeats nothing, and takes neither proxies nor passwords from the
    environment: a request must go where the settings say.
    """
    session = _Session()
    session.trust_env = False
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
    adapter = Adapter()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _HideSecrets(logging.Filter):
    """Cuts queries out of urllib3's lines, where the contract puts the token, and raw answers."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hide, record.args))
        record.exc_info = None
        return True


def _hide(argument: object) -> object:
    if isinstance(argument, Exception):
        return type(argument).__name__
    return argument.partition("?")[0] if isinstance(argument, str) else argument


for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_HideSecrets())
