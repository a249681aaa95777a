"""Network namespaces: made, entered, held by a process.

In:  process ids. Out: processes and threads with a network of their own.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.faults import MissingToolError
from smsq.cli.running.children import die_with_parent

_TOOLS = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux", "nsenter": "util-linux"}
#: As root, and as anybody where the machine lets them be root among their own.
_WAYS = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
_INSIDE = "SMSQ_BENCH_INSIDE"
_CLONE_NEWNET = 0x40000000


def be_the_switch(module: str, arguments: Sequence[str]) -> None:
    """Go on in a network namespace of our own, as `python -m module`; returns there.

    Raises:
        MissingToolError: A tool is missing, or this machine does not let us.
    """
    if os.environ.get(_INSIDE):
        return
    for tool, package in _TOOLS.items():
        if not shutil.which(tool):
            raise MissingToolError(f"hosts need {tool}: apt-get install {package}")
    apart = next(filter(_is_allowed, _WAYS), None)
    if apart is None:
        raise MissingToolError("this machine allows no network namespaces: run it as root")
    os.environ[_INSIDE] = "1"
    os.execvp(apart[0], [*apart, sys.executable, "-m", module, *arguments])


def _is_allowed(way: Sequence[str]) -> bool:
    return not subprocess.run([*way, "true"], capture_output=True).returncode


@contextmanager
def held() -> Iterator[int]:
    """Start a process with a network of its own; returns its id."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    try:
        assert holder.stdout
        with holder.stdout as said:
            said.readline()
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()


def network_of(pid: int) -> str:
    """Where a process' network is."""
    return f"/proc/{pid}/ns/net"


def enter(pid: int) -> None:
    """Have this thread, and those that it starts, use a process' network from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(network_of(pid), "rb") as network:
        if libc.setns(network.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network of process {pid}")
