"""fakeredis' server, for machines without `redis-server`.

Run it as `python -m smsq.cli.running.fake_redis PORT`.

In:  a port of loopback. Out: a Redis good enough for a demo and for tests; nothing is kept on disk.
"""

from __future__ import annotations

import sys
from typing import Any

from fakeredis import TcpFakeServer
from redis.exceptions import ResponseError


def make_fake_redis(port: int) -> TcpFakeServer:
    """Make a server on loopback; `serve_forever` runs it."""
    server = TcpFakeServer(("127.0.0.1", port))
    server.RequestHandlerClass = _keep_open(server.RequestHandlerClass)
    return server


def _keep_open(handler: Any) -> Any:
    """Make error replies like any other: fakeredis 2.40 hangs up after them.

    A script that is not loaded yet is an error reply, so every first call would fail.
    """

    class Handler(handler):  # type: ignore[misc]
        def setup(self) -> None:
            super().setup()
            read = self.current_client.read_response

            def read_response(*args: Any, **options: Any) -> Any:
                try:
                    return read(*args, **options)
                except ResponseError as error:
                    return error

            self.current_client.read_response = read_response

    return Handler


if __name__ == "__main__":
    make_fake_redis(int(sys.argv[1])).serve_forever()
