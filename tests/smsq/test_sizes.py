"""A sweep over all scripts: what one call does grows with its slice, never with the job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smsq.scripts import _BASE, _PARTS, find_files
from smsq.settings import Settings
from tests.smsq.sizes import Meter, tour
from tests.support import RedisServer

pytestmark = pytest.mark.real_redis

#: Redis' commands in one call: some 10 ms.
MOST_COMMANDS = 2000

#: These have nothing in them that a job's size could multiply: one job's or one message's hash, one
#: delivery, or as much as their caller hands over, which the caller bounds.
WITHOUT_A_LOOP_OVER_A_JOB = frozenset(
    {
        *("cancel", "cancel_send", "clock", "confirm", "earlier", "enqueue", "gate", "gather"),
        *("lookup", "poll_due", "presence", "rate", "reschedule", "set_aside", "tick"),
        *("wake", "webhook_claim", "webhook_collect", "webhook_replay", "webhook_settle"),
    }
)


@pytest.fixture(scope="module")
def meters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Meter, Meter]]:
    """The same tour with small and with large jobs."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        environ = {"SMSQ_REDIS_URL": server.url, "SMSQ_ALPHANAME_ID": "123"}
        rules = {"SMSQ_QUIET_HOURS": "21:00-09:00", "SMSQ_CAP_PER_DAY": "1000"}
        sizes = ((3000, 800), (6000, 1600))
        small, large = (
            tour(
                Settings.from_env({**environ, **rules, "SMSQ_NAMESPACE": f"sizes{recipients}"}),
                recipients=recipients,
                messages=messages,
            )
            for recipients, messages in sizes
        )
        yield small, large


def test_no_call_of_any_script_grows_with_the_job(meters: tuple[Meter, Meter]) -> None:
    small, large = meters
    grown = {
        name: (small.scripts[name].commands, one.commands)
        for name, one in large.scripts.items()
        if one.commands > max(1.4 * small.scripts[name].commands, 100)
    }

    assert {n: c for n, c in grown.items() if c[1] > MOST_COMMANDS // 2} == {}
    assert {
        n: one.commands for n, one in large.scripts.items() if one.commands > MOST_COMMANDS
    } == {}


def test_every_script_is_on_the_tour_or_has_no_loop_over_a_job(
    meters: tuple[Meter, Meter],
) -> None:
    parts = {*_BASE, *_PARTS, "publish"}

    assert find_files().keys() - parts == {*meters[1].scripts} | WITHOUT_A_LOOP_OVER_A_JOB
