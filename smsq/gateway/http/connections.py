"""Connections to the gateway, kept alive and shared by all threads.

In:  a request as bytes. Out: a `Reply`, or an exception.

The adapter of requests opens connections: its pool knows TLS, certificates and proxies. What
follows on a connection, up to a thousand times a second, is done here: requests and urllib3 take
six times as long for it.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util.proxy import connection_requires_http_tunnel

from smsq.gateway.http.replies import PLAIN_MAX_BYTES, Reply, read_any, read_plain
from smsq.gateway.http.transport import Adapter, make_session

#: A connection that was idle for longer is not used again. The gateway may be about to close it,
#: and a request written into a closing connection is of unknown outcome. Well below 5 s, at which
#: Apache, Node.js and uvicorn close theirs.
MAX_IDLE_S = 3.0
#: A server that names its own time counts from when its answer left: half of it is safe.
_ANNOUNCED_SHARE = 0.5
_ANNOUNCED = re.compile(r"\btimeout\s*=\s*\"?(\d{1,6})\b", re.IGNORECASE | re.ASCII)

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How requests get to the gateway.

    Attributes:
        pool: Makes connections.
        has_tunnel: Whether a proxy is asked for a tunnel first.
        origin: Stands before each path: a proxy without a tunnel must know where to.
        headers: Lines that every request has.
    """

    pool: HTTPConnectionPool
    has_tunnel: bool
    origin: str
    headers: str = field(repr=False)


class Connections:
    """Connections to one gateway. Thread-safe.

    Args:
        url: Scheme, host and port.
        ca_file: PEM with the certificates to trust; "" for those that come with requests.
        proxy: URL of an HTTP proxy; "" for none.
    """

    def __init__(self, url: str, *, ca_file: str = "", proxy: str = "") -> None:
        self._url = url
        self._ca_file = ca_file
        self._proxy = proxy
        self._lock = threading.Lock()
        # Each with when its time is over. The one used last is on top: few requests at a time keep
        # few connections warm.
        self._idle: list[tuple[HTTPConnection, float]] = []
        self._is_closed = False

    @cached_property
    def way(self) -> Way:
        """How requests get there; raises OSError where the address is none."""
        request = make_session().prepare_request(requests.Request("GET", self._url))
        pool = Adapter().pool_for(request, ca_file=self._ca_file, proxy=self._proxy)
        parts = urlsplit(request.url or "")
        has_tunnel = connection_requires_http_tunnel(pool.proxy, pool.proxy_config, parts.scheme)
        headers = {"Host": _name_host(parts), **request.headers}
        is_forwarded = pool.proxy is not None and not has_tunnel
        if is_forwarded:
            headers |= pool.proxy_headers
        return Way(
            pool=pool,
            has_tunnel=has_tunnel,
            origin=f"{parts.scheme}://{headers['Host']}" if is_forwarded else "",
            headers="".join(f"{name}: {value}\r\n" for name, value in headers.items()),
        )

    def ask(self, request: bytes, *, method: str, max_bytes: int) -> Reply:
        """Write a request, once, and read its answer, within the thread's `exchange`.

        Args:
            request: All of it.
            method: Its method.
            max_bytes: Largest body that is read.

        Raises:
            OSError, HTTPException, HTTPError: There is no answer; `has_written` says whether the
                request was written.
        """
        connection = self._take()
        idle_s = 0.0
        try:
            reply, is_whole = _converse(connection.sock, request, method, max_bytes)
            idle_s = find_idle_s(reply.headers.get("keep-alive")) if is_whole else 0.0
        finally:
            if idle_s > 0:
                self._give_back(connection, idle_s)
            else:
                connection.close()
        return reply

    def close(self) -> None:
        """Close them all; what is in use is closed after its answer."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _take(self) -> HTTPConnection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection, until_s = self._idle.pop()
            # What can be read before anything was asked is the end, or nothing we want.
            if time.monotonic() <= until_s and connection.is_connected:
                return connection
            connection.close()
        return self._open()

    def _open(self) -> HTTPConnection:
        way = self.way
        # What urllib3 itself calls before it writes; there is no public name for a mere connection.
        connection: Any = way.pool._new_conn()
        try:
            if way.has_tunnel:
                way.pool._prepare_proxy(connection)
            else:
                connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection  # type: ignore[no-any-return]

    def _give_back(self, connection: HTTPConnection, idle_s: float) -> None:
        now_s = time.monotonic()
        too_old = []
        with self._lock:
            if self._is_closed:
                too_old.append(connection)
            else:
                self._idle.append((connection, now_s + idle_s))
            while self._idle and now_s > self._idle[0][1]:
                too_old.append(self._idle.pop(0)[0])
        for connection in too_old:
            connection.close()


def find_idle_s(keep_alive: str | None) -> float:
    """Say for how long a connection may be idle and be used again; 0 for not at all.

    Args:
        keep_alive: The header `Keep-Alive` of its last answer.
    """
    announced = _ANNOUNCED.search(keep_alive or "")
    return min(MAX_IDLE_S, int(announced[1]) * _ANNOUNCED_SHARE) if announced else MAX_IDLE_S


def _converse(sock: Any, request: bytes, method: str, max_bytes: int) -> tuple[Reply, bool]:
    """Write and read; returns the answer, and whether the connection can be used again."""
    is_cut = False
    try:
        sock.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        # Who takes no more of a large request may have said why.
        is_cut = True
    data = sock.recv(PLAIN_MAX_BYTES)
    reply = read_plain(data, max_bytes)
    if reply is None:
        sock.unread(data)
        reply = read_any(sock, method, max_bytes)
    return reply, reply.is_whole and not is_cut


def _name_host(parts: Any) -> str:
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_usual = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    return host if is_usual else f"{host}:{parts.port}"
