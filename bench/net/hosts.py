"""Hosts of the test's own: a network namespace each, joined by a bridge; links can be cut.

In:  names of hosts. Out: commands that run on a host; links cut and healed.

A namespace lasts as long as the process that made it, so nothing is left behind, however a run
ends. The addresses exist inside of them alone.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

from bench.faults import MissingToolError
from smsq.cli.running.children import die_with_parent

#: Of the switch, which sees all hosts and is never cut; hosts follow.
SWITCH = "10.77.0.1"
_HOST = "10.77.0.{}"
_FIRST = 11

_TOOLS = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux", "nsenter": "util-linux"}
_INSIDE = "SMSQ_BENCH_INSIDE"
_CLONE_NEWNET = 0x40000000

#: As a firewall does that forgets: packets vanish, both ways, and nobody is told.
_RULES = """
table inet links {
  set away { type ipv4_addr; }
  set lossy { type ipv4_addr; }
  chain input {
    type filter hook input priority 0; policy accept;
    ip saddr @away drop
    ip saddr @lossy numgen random mod 100 < LOSS drop
  }
}
"""
#: Packets of a lossy link that vanish, percent.
LOSS_PERCENT = 5


@dataclass(frozen=True, slots=True)
class Host:
    """One host.

    Attributes:
        pid: The process that holds its network.
    """

    name: str
    address: str
    pid: int

    def on(self, command: Sequence[str]) -> list[str]:
        """Make the command line that runs a command there."""
        return ["nsenter", f"--net={self._network}", "--", *command]

    def enter(self) -> None:
        """Have this thread, and those that it starts, be there from now on."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(self._network, "rb") as network:
            if libc.setns(network.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter {self.name}")

    @property
    def _network(self) -> str:
        return f"/proc/{self.pid}/ns/net"


@dataclass(frozen=True, slots=True)
class Network:
    """All hosts, by name."""

    hosts: Mapping[str, Host]

    def cut(self, these: Iterable[str], those: Iterable[str]) -> None:
        """Let every packet between them vanish, until `heal`."""
        self._mark("away", these, those)

    def lose(self, these: Iterable[str], those: Iterable[str]) -> None:
        """Let some packets between them vanish, until `heal`."""
        self._mark("lossy", these, those)

    def heal(self) -> None:
        """Let every packet pass again."""
        for host in self.hosts.values():
            _nft(host, "flush set inet links away; flush set inet links lossy")

    def _mark(self, what: str, these: Iterable[str], those: Iterable[str]) -> None:
        pairs = [(a, b) for a, b in product(these, those) if a != b]
        for here, there in {*pairs, *((b, a) for a, b in pairs)}:
            address = self.hosts[there].address
            _nft(self.hosts[here], f"add element inet links {what} {{ {address} }}")


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
    apart = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        raise MissingToolError("this machine allows no network namespaces: run it as root")
    os.environ[_INSIDE] = "1"
    os.execvp(apart[0], [*apart, sys.executable, "-m", module, *arguments])


@contextmanager
def network(names: Sequence[str]) -> Iterator[Network]:
    """Make the hosts, each linked with the switch, which is where we are."""
    _ip(
        "link set lo up",
        "link add name switch type bridge forward_delay 0",
        f"address add {SWITCH}/24 dev switch",
        "link set switch up",
    )
    holders = [_hold() for _ in names]
    hosts = [
        Host(name, _HOST.format(_FIRST + n), holder.pid)
        for n, (name, holder) in enumerate(zip(names, holders, strict=True))
    ]
    try:
        for host in hosts:
            _link(host)
        yield Network({host.name: host for host in hosts})
    finally:
        # A namespace ends some time after its last process, and its links with it.
        _ip(*(f"link delete to-{host.name}" for host in hosts))
        for holder in holders:
            holder.kill()
            holder.wait()
        _ip("link delete switch")


def _hold() -> subprocess.Popen[bytes]:
    """Start a process with a network namespace of its own; it is there when this returns."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    assert holder.stdout
    with holder.stdout as said:
        said.readline()
    return holder


def _link(host: Host) -> None:
    _ip(
        f"link add name to-{host.name} type veth peer name eth0 netns {host.pid}",
        f"link set to-{host.name} master switch up",
    )
    lines = ("link set lo up", f"address add {host.address}/24 dev eth0", "link set eth0 up")
    _ip(*lines, host=host)
    _nft(host, _RULES.replace("LOSS", str(LOSS_PERCENT)))


def _ip(*lines: str, host: Host | None = None) -> None:
    command = ["ip", "-batch", "-"]
    _run(host.on(command) if host else command, "\n".join(lines))


def _nft(host: Host, rules: str) -> None:
    _run(host.on(["nft", "-f", "-"]), rules)


def _run(command: Sequence[str], text: str) -> None:
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}{text}")
