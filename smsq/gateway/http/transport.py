"""Connections to HTTP servers, each with the deadline of the request that opens it.

In:  where to, which CAs to trust, by which proxy. Out: sessions, and pools that make connections.
"""

from __future__ import annotations

import logging
import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from smsq.gateway.http.addresses import open_socket
from smsq.gateway.http.deadline import DeadlineSocket, current, forget_exchange


def _open(connection: HTTPConnection) -> socket.socket:
    """Open a connection's socket, with the exceptions that urllib3 itself raises."""
    host = connection._dns_host
    try:
        return open_socket(host, connection.port, connection.socket_options or ())
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "timed out") from error
    except OSError as error:
        raise NewConnectionError(connection, type(error).__name__) from error


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _open(self)

    def connect(self) -> None:
        self.timeout = current.left_s()
        super().connect()
        self.sock = DeadlineSocket(self.sock)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        connected = _open(self)
        # What connecting took, the handshake does not get again.
        try:
            connected.settimeout(current.left_s())
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
        connected.settimeout(current.left_s())
        self.sock = connected

    def connect(self) -> None:
        self.timeout = current.left_s()
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


def make_session(*, ca_file: str = "", proxy: str = "") -> requests.Session:
    """Make a session for one thread.

    It follows no redirects, repeats nothing, and takes neither proxies nor passwords from the
    environment: a request must go where the settings say.

    Args:
        ca_file: PEM with the certificates to trust; "" for those that come with requests.
        proxy: URL of an HTTP proxy; "" for none.
    """
    session = _Session()
    session.trust_env = False
    session.verify = ca_file or True
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
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
