"""Runs a simulator: in the foreground for the command, in a thread for tests.

In:  options. Out: a listening simulator, and a handle on its book.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from smsq.simulator.app import DroppableProtocol, make_app
from smsq.simulator.gateway import Gateway
from smsq.simulator.options import Options

_START_TIMEOUT_S = 15.0
_BACKLOG = 4096
#: As uvicorn has it.
_KEEP_ALIVE_S = 5
#: Of a token that keeps others from the book.
_MIN_PASSWORD = 16
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A handle on a simulator that listens at `url`."""

    url: str

    def get(self, path: str) -> Any:
        """Read a page, as `/book` or `/book/states`."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())

    def change(self, **changes: object) -> None:
        """Change options while it runs."""
        self._post("/control", changes)

    def reset(self) -> None:
        """Forget everything but the options."""
        self._post("/book/reset", {})

    def accepted(self) -> dict[tuple[str, str], int]:
        """How often each pair of phone and text was accepted."""
        return {(phone, text): times for phone, text, times in self.get("/book/accepted")}

    def states(self) -> dict[int, dict[str, str]]:
        """The gateway's word for every recipient: message id → phone → word."""
        return {int(message_id): words for message_id, words in self.get("/book/states").items()}

    def _post(self, path: str, document: object) -> None:
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url + path, json.dumps(document).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            answer.read()


def make_server(
    options: Options, host: str, port: int, *, gateway: Gateway | None = None
) -> tuple[uvicorn.Server, socket.socket]:
    """Make a server, and a socket that listens.

    Args:
        options: How the gateway behaves.
        host: An address; beyond loopback the book asks for the token.
        port: 0 for a free one.
        gateway: To be served; None for a new one with these options.

    Raises:
        ValueError: The host is none of this machine's, or needs a token that nobody guesses.
    """
    is_open = _is_open(host, options.token)
    config = uvicorn.Config(
        make_app(gateway or Gateway(options), is_open=is_open),
        http=DroppableProtocol,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=options.keep_alive_s or _KEEP_ALIVE_S,
        backlog=_BACKLOG,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named: 40 ms per answer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Who is told the address may connect at once.
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return uvicorn.Server(config), bound


def _is_open(host: str, token: str) -> bool:
    """Say whether nobody else reaches a host, so that the book needs no password."""
    if host in _LOOPBACK:
        return True
    if not host:
        raise ValueError("host: write 127.0.0.1, or 0.0.0.0 for all addresses")
    if len(token) < _MIN_PASSWORD:
        raise ValueError(
            f"host: beyond loopback the token is a password: write one of {_MIN_PASSWORD} "
            "characters or more, or stay on 127.0.0.1"
        )
    return False


@contextmanager
def start_in_thread(
    options: Options | None = None, *, port: int = 0, gateway: Gateway | None = None
) -> Iterator[RunningSimulator]:
    """Run a simulator in a thread, as tests want it; `gateway` has its own options."""
    server, bound = make_server(options or Options(), "127.0.0.1", port, gateway=gateway)
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    until_s = time.monotonic() + _START_TIMEOUT_S
    while not server.started:
        if time.monotonic() > until_s:
            raise RuntimeError("the simulator did not start")
        time.sleep(0.01)
    try:
        yield RunningSimulator(f"http://127.0.0.1:{bound.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()
        bound.close()
