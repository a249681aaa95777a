"""What links suffer: between hosts that there are, and at the primary wherever it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import pytest

from bench.net.deployment import HOSTS, REDIS
from bench.net.hosts import Network
from bench.net.links import FAULTS


class Recorded(Network):
    """Notes what would be done, and does it to no link."""

    struck: ClassVar[list[tuple[set[str], set[str]]]] = []

    def cut(self, these: Iterable[str], those: Iterable[str]) -> None:
        """Note it."""
        self.struck.append(({*these}, {*those}))

    lose = cut

    def slow(self, these: Iterable[str], ms: float) -> None:
        """Note it."""
        self.struck.append(({*these}, set()))


@pytest.fixture
def net() -> Recorded:
    Recorded.struck.clear()
    return Recorded({}, {})


@pytest.mark.parametrize("primary", REDIS)
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_strikes_hosts_that_there_are(name: str, primary: str, net: Recorded) -> None:
    FAULTS[name].strike(net, primary)

    assert net.struck
    for these, those in net.struck:
        assert these
        assert these | those <= {*HOSTS}


def test_the_primary_is_struck_wherever_it_is(net: Recorded) -> None:
    FAULTS["replication"].strike(net, "redis-b")

    assert net.struck == [({"redis-b"}, {"redis-a", "redis-c"})]
