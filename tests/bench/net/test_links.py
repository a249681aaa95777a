"""The links that are cut: hosts that there are, and the primary wherever it is."""

from __future__ import annotations

import pytest

from bench.net.deployment import HOSTS, REDIS
from bench.net.links import LINKS


@pytest.mark.parametrize("primary", REDIS)
@pytest.mark.parametrize("name", LINKS)
def test_each_link_joins_hosts_that_there_are(name: str, primary: str) -> None:
    for these, those in LINKS[name].pairs(primary):
        assert these
        assert {*these, *those} <= {*HOSTS}


def test_the_links_of_a_primary_move_with_it() -> None:
    ((these, those),) = LINKS["replication"].pairs("redis-b")

    assert (these, those) == (["redis-b"], ["redis-a", "redis-c"])
