"""A simulated gateway on a host of the test's own: `python -m bench.net.gateway ADDRESS PORT APP`.

In:  where it listens, the host that takes receipts; the token in the environment. Out: the same as
`smsq simulator`, which keeps to loopback because its book asks for no password. Receipts are posted
to the same port of loopback, and passed on from there.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from functools import partial

from bench.door import pump
from smsq.simulator.options import Options
from smsq.simulator.server import make_server

#: Before each answer, so that some requests are on their way whenever a link is cut.
LATENCY_MS = 60.0

#: Long, so that a busy machine closes no connection with a request on it.
KEEP_ALIVE_S = 60


async def serve(address: str, port: int, app: str) -> None:
    """Serve until the process ends."""
    token = os.environ["SMSQ_GATEWAY_TOKEN"]
    options = Options(token=token, latency_ms=LATENCY_MS, keep_alive_s=KEEP_ALIVE_S)
    server, on_loopback = make_server(options, "127.0.0.1", 0)
    on_loopback.close()
    # As `make_server` says: asyncio switches Nagle's delay off only where the protocol is named.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((address, port))
    bound.listen(4096)
    await asyncio.start_server(partial(pass_on, app, port), "127.0.0.1", port)
    await server.serve([bound])


async def pass_on(
    host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Connect who posts a receipt with the app's host, in both directions."""
    try:
        far_reader, far_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
