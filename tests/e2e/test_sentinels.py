"""Processes whose broker is a primary that sentinels name: all of them follow it."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from tests.e2e.conftest import Deploy
from tests.sentinels import disputed
from tests.support import RedisServer, wait_until

pytestmark = [pytest.mark.real_redis, pytest.mark.slow]

PHONE = "+375291234567"

#: A BRPOP is answered within a second, and asked again. Flower's connections for questions to
#: workers are kept for the next one.
AT_WORK_S = 3


def users(server: RedisServer) -> set[str]:
    """Which of ours wait at a broker: for rings and ticks, for commands and events."""
    with Redis(port=server.port, decode_responses=True) as client:
        found = client.client_list()
    rings = any(each["cmd"] == "brpop" and int(each["idle"]) < AT_WORK_S for each in found)
    commands = any(int(each["psub"]) for each in found)
    return {name for name, waits in (("rings", rings), ("commands", commands)) if waits}


def test_worker_beat_and_flower_leave_a_primary_of_before_that_still_serves_them(
    deploy: Deploy, tmp_path: Path
) -> None:
    """Its sentinel is the first of the address; the two others know of a failover."""
    with (
        disputed(tmp_path) as brokers,
        deploy(has_flower=True, SMSQ_BROKER_URL=brokers.url) as deployment,
    ):
        first = deployment.queue.send_quick(PHONE, "before")
        wait_until(lambda: deployment.queue.status(first).is_final, "it is sent")
        wait_until(lambda: users(brokers.before) == {"rings", "commands"}, "all are there")
        brokers.promote()
        wait_until(lambda: users(brokers.after) == {"rings", "commands"}, "they are there")
        wait_until(lambda: not users(brokers.before), "nobody is left behind")

        second = deployment.queue.send_quick(PHONE, "after")
        wait_until(lambda: deployment.queue.status(second).is_final, "it is sent")
        wait_until(lambda: (deployment.queue.heartbeat_age_s() or 9) < 1, "ticks are taken")
        assert not users(brokers.before)
        deployment.check()
