"""Hosts of the test's own: what passes between them, and what a cut does to it."""

from __future__ import annotations

import ctypes
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import pytest

from bench.faults import MissingToolError
from bench.net.hosts import Host, Network, network
from bench.net.namespaces import be_the_switch

pytestmark = pytest.mark.long

#: What passes does so at once; what is dropped never comes.
WAIT_S = 0.5
#: TCP repeats what was lost after some tenths of a second, twice as late each time.
REPEATED_S = 10.0
#: So many that some are lost for certain: all of them come once in 10^9 times.
PACKETS = 200
#: Below what TCP repeats after.
LATE_MS = 150.0

_CLONE_NEWNET = 0x40000000


def may_make_hosts() -> bool:
    """Whether this machine lets us; a container's root may lack the right."""
    tools = all(map(shutil.which, ("ip", "nft", "unshare")))
    return (
        tools and not subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode
    )


hosts_wanted = pytest.mark.skipif(
    not may_make_hosts(), reason="hosts need root, iproute2 and nftables"
)


@contextmanager
def hosts(cabled: Sequence[str] = ()) -> Iterator[Network]:
    """Two hosts. The switch is a namespace of one thread's: this machine's own stays as it is."""
    with ThreadPoolExecutor(1) as switch:
        assert not switch.submit(lambda: ctypes.CDLL(None).unshare(_CLONE_NEWNET)).result()
        made = network(["a", "b"], cabled)
        yield switch.submit(made.__enter__).result()
        switch.submit(made.__exit__, None, None, None).result()


@pytest.fixture
def net() -> Iterator[Network]:
    with hosts() as made:
        yield made


@pytest.fixture
def slow_net() -> Iterator[Network]:
    with hosts(cabled=["b"]) as made:
        yield made


def on(host: Host, call: Callable[[], socket.socket]) -> socket.socket:
    with ThreadPoolExecutor(1, initializer=host.enter) as there:
        return there.submit(call).result()


def listen(host: Host) -> socket.socket:
    return on(host, lambda: socket.create_server((host.address, 8080)))


def connect(net: Network) -> socket.socket:
    to = (net.hosts["b"].address, 8080)
    return on(net.hosts["a"], lambda: socket.create_connection(to, timeout=WAIT_S))


def time_round_trip(near: socket.socket, far: socket.socket) -> float:
    """Milliseconds until what one sends has come back."""
    began_s = time.monotonic()
    for one, other in ((near, far), (far, near)):
        one.sendall(b"ring")
        other.settimeout(REPEATED_S)
        assert other.recv(4) == b"ring"
    return 1000 * (time.monotonic() - began_s)


@hosts_wanted
def test_hosts_reach_each_other_until_they_are_cut_and_again_when_healed(net: Network) -> None:
    with closing(listen(net.hosts["b"])):
        connect(net).close()

        net.cut(["a"], ["b"])
        with pytest.raises(TimeoutError):
            connect(net)

        net.heal()
        connect(net).close()


@hosts_wanted
def test_what_was_sent_while_a_link_was_cut_comes_when_it_is_healed(net: Network) -> None:
    with closing(listen(net.hosts["b"])) as listener, closing(connect(net)) as near:
        far, _ = listener.accept()
        with closing(far):
            net.cut(["b"], ["a"])
            near.sendall(b"ring")
            far.settimeout(WAIT_S)
            with pytest.raises(TimeoutError):
                far.recv(4)

            net.heal()
            far.settimeout(REPEATED_S)
            assert far.recv(4) == b"ring"


@hosts_wanted
def test_a_slow_link_makes_both_ways_late_until_it_is_healed(slow_net: Network) -> None:
    with closing(listen(slow_net.hosts["b"])) as listener, closing(connect(slow_net)) as near:
        far, _ = listener.accept()
        with closing(far):
            assert time_round_trip(near, far) < 2 * LATE_MS
            slow_net.slow(["b"], LATE_MS)
            assert time_round_trip(near, far) >= 2 * LATE_MS
            slow_net.heal()
            assert time_round_trip(near, far) < 2 * LATE_MS


@hosts_wanted
def test_a_connection_counts_as_open_until_its_host_knows_better(net: Network) -> None:
    here = net.hosts["a"]
    with closing(listen(net.hosts["b"])) as listener:
        assert here.count_open(8080) == 0
        near = connect(net)
        assert here.count_open(8080) == 1
        net.cut(["a"], ["b"])
        listener.close()
        assert here.count_open(8080) == 1
        near.close()
        assert here.count_open(8080) == 0


@hosts_wanted
def test_a_lossy_link_loses_some_packets_and_not_most(net: Network) -> None:
    here, there = net.hosts["a"], net.hosts["b"]
    with (
        closing(on(here, lambda: socket.socket(type=socket.SOCK_DGRAM))) as near,
        closing(on(there, lambda: socket.socket(type=socket.SOCK_DGRAM))) as far,
    ):
        far.bind((there.address, 8080))
        far.settimeout(WAIT_S)
        net.lose(["a"], ["b"])
        for _ in range(PACKETS):
            near.sendto(b"ring", (there.address, 8080))
        came = 0
        with suppress(TimeoutError):
            while far.recv(4):
                came += 1

    assert PACKETS / 2 < came < PACKETS


@hosts_wanted
def test_a_host_that_is_cut_from_all_still_reaches_itself(net: Network) -> None:
    net.cut(["b"], ["a", "b"])
    here = net.hosts["b"]
    with closing(listen(here)):
        on(here, lambda: socket.create_connection((here.address, 8080), WAIT_S)).close()


def test_a_machine_without_the_tools_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(MissingToolError, match="apt-get install iproute2"):
        be_the_switch("bench.net", [])
