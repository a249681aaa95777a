"""Hosts of the test's own: a network namespace each, joined by a bridge; links can be cut.

In:  names of hosts. Out: commands that run on a host; links cut and healed.

A namespace lasts as long as the process that made it, so nothing is left behind, however a run
ends. The addresses exist inside of them alone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bench.net.cable import cable, say
from bench.net.namespaces import enter, held, network_of

#: Of the switch, which sees all hosts and is never cut; hosts follow.
SWITCH = "10.77.0.1"
_HOST = "10.77.0.{}"
_FIRST = 11

_ESTABLISHED = "01"

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
LOSS_PERCENT = 10


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
        return ["nsenter", f"--net={network_of(self.pid)}", "--", *command]

    def enter(self) -> None:
        """Have this thread, and those that it starts, be there from now on."""
        enter(self.pid)

    def count_open(self, port: int) -> int:
        """Count connections from there to a port that are open."""
        rows = Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]
        fields = [row.split() for row in rows]
        return sum(f[2].endswith(f":{port:04X}") and f[3] == _ESTABLISHED for f in fields)


@dataclass(frozen=True, slots=True)
class Network:
    """All hosts, by name; those with a cable can be slowed."""

    hosts: dict[str, Host]
    cables: dict[str, subprocess.Popen[str]]

    def cut(self, these: Iterable[str], those: Iterable[str]) -> None:
        """Let every packet between them vanish, until `heal`."""
        self._mark("away", these, those)

    def lose(self, these: Iterable[str], those: Iterable[str]) -> None:
        """Let some packets between them vanish, until `heal`."""
        self._mark("lossy", these, those)

    def slow(self, these: Iterable[str], ms: float) -> None:
        """Let every packet to and from them be so late, until `heal`; they have cables."""
        for name in these:
            say(self.cables[name], ms)

    def heal(self) -> None:
        """Let every packet pass again, at once."""
        for host in self.hosts.values():
            _nft(host, "flush set inet links away; flush set inet links lossy")
        self.slow(self.cables, 0)

    def _mark(self, what: str, these: Iterable[str], those: Iterable[str]) -> None:
        pairs = [(a, b) for a, b in product(these, those) if a != b]
        for here, there in {*pairs, *((b, a) for a, b in pairs)}:
            address = self.hosts[there].address
            _nft(self.hosts[here], f"add element inet links {what} {{ {address} }}")


@contextmanager
def network(names: Sequence[str], cabled: Iterable[str] = ()) -> Iterator[Network]:
    """Make the hosts, each linked with the switch, which is where we are.

    Args:
        names: All of them.
        cabled: Those whose link can be slowed, at the price of a process that carries each packet.
    """
    with ExitStack() as stack:
        _ip(
            "link set lo up",
            "link add name switch type bridge forward_delay 0",
            f"address add {SWITCH}/24 dev switch",
            "link set switch up",
        )
        stack.callback(_ip, "link delete switch")
        made = Network({}, {})
        for n, name in enumerate(names):
            host = Host(name, _HOST.format(_FIRST + n), stack.enter_context(held()))
            made.hosts[name] = host
            if name in cabled:
                made.cables[name] = stack.enter_context(cable(_end(host), "eth0", host.pid))
            else:
                _ip(f"link add name {_end(host)} type veth peer name eth0 netns {host.pid}")
                stack.callback(_unlink, host)
            _set_up(host)
        yield made


def _end(host: Host) -> str:
    return f"to-{host.name}"


def _unlink(host: Host) -> None:
    """Take a link away: its namespace ends some time after its last process, and its links then."""
    with suppress(OSError):  # or has ended, with a holder that was told to go as we were
        _ip(f"link delete {_end(host)}")


def _set_up(host: Host) -> None:
    _ip(f"link set {_end(host)} master switch up")
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
