"""A slow cable between the switch and a host: `python -m bench.net.cable SWITCH-END HOST-END PID`.

In:  names for its ends, the process that holds the host's network; on standard input, a line for
each change: the delay of every packet in ms. Out: packets, each as much later, in order.

This is what `tc netem delay` does, which many kernels are built without.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bench.net.namespaces import enter
from smsq.cli.running.children import die_with_parent

_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x1002
_MOST_BYTES = 65536
_STDIN = 0


def open_end(name: str) -> int:
    """Make one end, in the network namespace of now; what is written to it arrives there."""
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_WITHOUT_HEADER))
    return end


def carry(one: int, other: int) -> None:
    """Carry packets until nobody says any more how late they are to be."""
    delay_s = 0.0
    late: deque[tuple[float, int, bytes]] = deque()
    while True:
        until_s = max(0.0, late[0][0] - time.monotonic()) if late else None
        for ready in select.select([_STDIN, one, other], [], [], until_s)[0]:
            data = os.read(ready, _MOST_BYTES)
            if ready != _STDIN:
                late.append((time.monotonic() + delay_s, other if ready == one else one, data))
            elif data:
                delay_s = float(data.split()[-1]) / 1000
            else:
                return
        while late and late[0][0] <= time.monotonic():
            _, end, packet = late.popleft()
            with suppress(OSError):  # not up yet
                os.write(end, packet)


@contextmanager
def cable(near: str, far: str, pid: int) -> Iterator[subprocess.Popen[str]]:
    """Start one from here to a process' network; it is there when this returns."""
    carrier = subprocess.Popen(
        [sys.executable, "-m", "bench.net.cable", near, far, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    try:
        assert carrier.stdout
        with carrier.stdout as said:
            said.readline()
        yield carrier
    finally:
        assert carrier.stdin
        carrier.stdin.close()
        carrier.kill()
        carrier.wait()


def say(carrier: subprocess.Popen[str], delay_ms: float) -> None:
    """Tell a cable how late packets are to be from now on."""
    assert carrier.stdin
    carrier.stdin.write(f"{delay_ms}\n")
    carrier.stdin.flush()


if __name__ == "__main__":
    near = open_end(sys.argv[1])
    enter(int(sys.argv[3]))
    far = open_end(sys.argv[2])
    print("ready", flush=True)
    carry(near, far)
