"""Each way in which bench/refusals.py has Redis refuse does so, and ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults import MissingToolError
from bench.refusals import serving
from bench.ways_to_refuse import WAYS, refuse_for
from tests.support import wait_until

pytestmark = [pytest.mark.real_redis, pytest.mark.long]


SLOW = {"loading": pytest.mark.slow}  # it writes what there is to load first


@pytest.mark.parametrize("name", [pytest.param(n, marks=SLOW.get(n, ())) for n in WAYS])
def test_redis_refuses_as_its_way_says_and_takes_writes_afterwards(
    name: str, tmp_path: Path
) -> None:
    try:
        with serving(name, tmp_path) as server:
            assert server.ask() is None
            refused = refuse_for(server, WAYS[name].way, for_s=5 if name in SLOW else 1)
            # A write is taken before Redis finds that the disk is full.
            # So is what it is asked while it starts, where it has to.
            assert refused.share(WAYS[name].what) >= (0.2 if name in SLOW else 0.5)
            wait_until(lambda: server.ask() is None, "it takes writes again")
    except MissingToolError as missing:
        pytest.skip(str(missing))
