"""A door before the gateway that is shut for moments: `python -m bench.door PORT UPSTREAM SHARE`.

In:  connections. Out: the same bytes at the port upstream; while the door is shut, connections are
refused.

A refused connection is the one failure of a gateway that a client can tell from all others: not a
byte of the request went out. A gateway that takes a connection and resets it before it reads a byte
looks exactly like one that has read everything: the bytes lie in a buffer, and "written" is all the
client knows. Shutting a listener does the same to connections that nobody has accepted yet, so for
the last moment before it shuts, newcomers' first packets are ignored; the kernel repeats them.

Only these first packets: a connection whose handshake is under way inherits the listener's filter.
One that dropped everything swallowed the requests of such connections, and a job became unknown.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys
from contextlib import suppress
from functools import partial

#: Open and shut once in so many seconds.
ROUND_S = 1.0

#: Long enough to accept whoever stands before a door that is about to be shut.
LAST_CALL_S = 0.005

_SO_ATTACH_FILTER = 26
#: Code, two jumps, value: a packet with SYN and without ACK is dropped, every other one passes.
_DROP_FIRST_PACKETS = (
    (0x30, 0, 0, 13),  # load the byte of TCP's flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # pass
)


def ignore_newcomers(listener: socket.socket) -> None:
    """Let the kernel drop the first packet of each new connection to a listener (Linux)."""
    code = b"".join(struct.pack("HBBI", *step) for step in _DROP_FIRST_PACKETS)
    program = ctypes.create_string_buffer(code)
    packed = struct.pack("HL", len(_DROP_FIRST_PACKETS), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, packed)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the sender is done."""
    with suppress(ConnectionError):
        while chunk := await reader.read(64 * 1024):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def pass_on(
    upstream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Connect one visitor with the gateway, in both directions."""
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", upstream)
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


async def keep(port: int, upstream: int, shut_share: float) -> None:
    """Open and shut the door until the process ends."""
    while True:
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        server = await asyncio.start_server(partial(pass_on, upstream), sock=listener)
        await asyncio.sleep(ROUND_S * (1 - shut_share))
        ignore_newcomers(listener)
        await asyncio.sleep(LAST_CALL_S)
        server.close()
        await asyncio.sleep(ROUND_S * shut_share)


if __name__ == "__main__":
    asyncio.run(keep(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
