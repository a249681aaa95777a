"""A sweep over all scripts: what one call does grows with its slice, never with the job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smsq.settings import Settings
from tests.smsq.sizes import Meter
from tests.smsq.tours import name_missing, tour
from tests.support import RedisServer

pytestmark = [pytest.mark.real_redis, pytest.mark.long, pytest.mark.timeout(600)]

#: Redis' commands in one call: some 10 ms.
MOST_COMMANDS = 2000
#: So many are too many for what grows with the job.
GROWN = 300


@pytest.fixture
def meters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Meter, Meter]]:
    """The same tour with small and with large jobs."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        environ = {"SMSQ_REDIS_URL": server.url, "SMSQ_ALPHANAME_ID": "123"}
        rules = {"SMSQ_QUIET_HOURS": "21:00-09:00", "SMSQ_CAP_PER_DAY": "1000"}
        # What goes through a large job is found: 1200 and 800 have grown.
        sizes = ((600, 400), (1200, 800))
        small, large = (
            tour(
                Settings.from_env({**environ, **rules, "SMSQ_NAMESPACE": f"sizes{recipients}"}),
                recipients=recipients,
                messages=messages,
                is_timed=False,
            )
            for recipients, messages in sizes
        )
        yield small, large


def test_no_call_of_any_script_grows_with_the_job(meters: tuple[Meter, Meter]) -> None:
    assert [name_missing(meter) for meter in meters] == [set(), set()], "not on the tour"
    small, large = meters
    grown = {
        name: (small.scripts[name].commands, one.commands)
        for name, one in large.scripts.items()
        if one.commands > max(1.4 * small.scripts[name].commands, 100)
    }

    assert {n: c for n, c in grown.items() if c[1] > GROWN} == {}
    assert {
        n: one.commands for n, one in large.scripts.items() if one.commands > MOST_COMMANDS
    } == {}
