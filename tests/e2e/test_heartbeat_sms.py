"""The heartbeat SMS through real processes: beat, two workers, the gateway, polls, /metrics."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest
from redis import Redis

from smsq.operate.checks import Check
from smsq.operate.doctor import examine
from smsq.simulator.faults import UNDELIVERED_SUFFIX
from smsq.store.keys import Keys
from tests.e2e.conftest import Deploy, Deployment
from tests.support import wait_until

pytestmark = pytest.mark.slow

PHONE = "37529739"
EVERY = "@1m"


def read_number(deployment: Deployment, name: str) -> float:
    with urllib.request.urlopen(deployment.url("admin") + "/metrics", timeout=20) as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.M)
    assert found, name
    return float(found[1])


def is_late(deployment: Deployment) -> bool:
    return read_number(deployment, "smsq_heartbeat_sms_late") == 1


def ask_doctor(deployment: Deployment) -> Check:
    [found] = [one for one in examine(deployment.environ) if one.name == "heartbeat SMS"]
    return found


def sent(deployment: Deployment) -> list[tuple[str, int]]:
    """Text of each that the gateway accepted, and how often it did."""
    book = deployment.gateway.accepted().items()
    assert {phone for (phone, _), _ in book} <= {f"{PHONE}4567", f"{PHONE}{UNDELIVERED_SUFFIX}"}
    return [(text, times) for (_, text), times in book]


@pytest.fixture
def beating(deploy: Deploy) -> Iterator[Deployment]:
    with deploy(
        workers=2, has_web=True, SMSQ_HEARTBEAT=f"+{PHONE}4567{EVERY}", SMSQ_POLL_MAX_S="1"
    ) as deployment:
        wait_until(lambda: sent(deployment), "a message is sent", deadline_s=30)
        yield deployment


def test_it_arrives_once_a_period_and_is_an_alarm_when_it_is_late(beating: Deployment) -> None:
    redis = Redis(port=beating.ports["redis"], decode_responses=True)
    keys = Keys("smsq")
    wait_until(lambda: redis.hget(keys.heartbeat_sms, "delivered_ms"), "it arrived", deadline_s=30)

    assert not is_late(beating)
    assert read_number(beating, "smsq_heartbeat_sms_age_seconds") < 60
    assert ask_doctor(beating).status == "ok"
    assert {times for _, times in sent(beating)} == {1}

    # As two minutes later, when nothing has arrived since.
    redis.hincrby(keys.heartbeat_sms, "delivered_ms", -120_000)
    assert is_late(beating)
    assert read_number(beating, "smsq_heartbeat_sms_age_seconds") > 120
    check = ask_doctor(beating)
    assert check.status == "error"
    assert "none arrived for 1" in check.detail
    assert PHONE not in beating.read_logs()
    redis.close()


def test_one_that_is_not_delivered_is_an_alarm_at_once(deploy: Deploy) -> None:
    with deploy(
        has_web=True,
        SMSQ_HEARTBEAT=f"+{PHONE}{UNDELIVERED_SUFFIX}{EVERY}",
        SMSQ_POLL_MAX_S="1",
    ) as deployment:
        wait_until(lambda: is_late(deployment), "it is an alarm", deadline_s=40)
        check = ask_doctor(deployment)
        logs = deployment.read_logs()

    assert check.status == "error"
    assert "undelivered" in check.detail
    assert "the heartbeat SMS did not arrive: undelivered" in logs
    assert PHONE not in logs
