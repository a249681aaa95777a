"""A server's name and its addresses: looked up and connected to within the thread's deadline.

In:  host and port. Out: a connected socket, or an OSError.

The system looks a name up for as long as it likes, and a time-out for connecting is one for each
address. So a look-up runs in a thread of its own, and each address gets its share of what is left;
the one that answered last is tried first.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from urllib3.util.connection import allowed_gai_family

from smsq.gateway.http.deadline import current

#: As getaddrinfo gives them: family, kind, protocol, name, address.
Address = tuple[Any, Any, int, str, Any]
#: Waited for a look-up: this part of what is left where earlier addresses are known.
_SHARE_IF_KNOWN = 1 / 3
#: Names that are remembered. One process talks to a gateway, a proxy and a webhook.
_MOST_NAMES = 100


class Lookups:
    """Looks names up, each once at a time however many threads ask. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, int], Future[Sequence[Address]]] = {}
        self._known: dict[tuple[str, int], Sequence[Address]] = {}

    def find(self, host: str, port: int) -> Sequence[Address]:
        """Find a host's addresses within the thread's deadline, the one that is known good first.

        A look-up that takes too long goes on for whoever asks next. Until then, what was found
        earlier is as good as any.

        Raises:
            OSError: There are none, or it took too long.
        """
        if _is_address(host):
            return _look_up(host, port)
        name, known = (host, port), self._known.get((host, port))
        future = self._begin(name)
        wait_s = current.left_s() * (_SHARE_IF_KNOWN if known else 1)
        try:
            found = future.result(wait_s)
        except (TimeoutError, socket.gaierror) as error:
            is_passing = isinstance(error, TimeoutError) or error.errno == socket.EAI_AGAIN
            if known and is_passing:
                return known
            raise
        if known and known[0] in found:
            # It answered last; a system gives addresses in turn.
            return [known[0], *(address for address in found if address != known[0])]
        return found

    def note_good(self, host: str, port: int, good: Address, addresses: Sequence[Address]) -> None:
        """Remember which address answered."""
        if len(self._known) >= _MOST_NAMES:
            self._known.clear()
        others = [address for address in addresses if address != good]
        self._known[host, port] = [good, *others]

    def _begin(self, name: tuple[str, int]) -> Future[Sequence[Address]]:
        with self._lock:
            future = self._pending.get(name)
            if future is None:
                future = self._pending[name] = Future()
                thread = threading.Thread(target=self._run, args=(name, future), daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    del self._pending[name]
                    raise OSError("no thread for a look-up") from error
        return future

    def _run(self, name: tuple[str, int], future: Future[Sequence[Address]]) -> None:
        try:
            result: Sequence[Address] | Exception = _look_up(*name)
        except Exception as error:  # noqa: BLE001 - of whatever kind: who waits must hear of it
            result = error
        with self._lock:
            del self._pending[name]
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


_lookups = Lookups()


def open_socket(host: str, port: int, options: Iterable[Any]) -> socket.socket:
    """Connect to the first of a host's addresses that answers, within the thread's deadline.

    Args:
        host: A name or an address.
        port: Its port.
        options: For `setsockopt`.

    Raises:
        OSError: No address answered; TimeoutError where the last one did not in time.
    """
    host = host.strip("[]")
    addresses = _lookups.find(host, port)
    failure: OSError = OSError("the name has no addresses")
    for n, address in enumerate(addresses):
        others = len(addresses) - n - 1
        # One share stays for the request itself, unless nobody else is left to try.
        share_s = current.left_s() / (others + 2 if others else 1)
        try:
            connected = _connect(address, share_s, options)
        except OSError as error:
            failure = error
            continue
        _lookups.note_good(host, port, address, addresses)
        return connected
    raise failure


def _connect(address: Address, timeout_s: float, options: Iterable[Any]) -> socket.socket:
    family, kind, protocol, _, where = address
    made = socket.socket(family, kind, protocol)
    try:
        for option in options:
            made.setsockopt(*option)
        made.settimeout(timeout_s)
        made.connect(where)
    except BaseException:
        made.close()
        raise
    return made


def _look_up(host: str, port: int) -> Sequence[Address]:
    try:
        return socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("the name cannot be written") from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
