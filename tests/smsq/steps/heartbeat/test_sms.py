"""The heartbeat SMS: one a period over all workers, through the whole path; late is an alarm."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.heartbeat import Heartbeat
from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.operate.checks import Mark
from smsq.operate.process_checks import check_heartbeat_sms
from smsq.status.heartbeat_sms import make_heartbeat_sms, read_heartbeat_sms
from smsq.steps.heartbeat.pace import HeartbeatPace
from smsq.steps.heartbeat.sms import beat_by_sms, look_at_last, send
from smsq.steps.resources import Resources
from smsq.store.clock import LedgerTime, ledger_time
from tests.smsq.measures.measured import report
from tests.smsq.world import ACCEPTED, PLAN, World

EVERY_S = 600
PHONE = "375291234567"


@pytest.fixture
def beating(resources: Resources) -> Resources:
    """A worker with the setting."""
    settings = replace(resources.settings, heartbeat=Heartbeat(PHONE, EVERY_S), alphaname_id="123")
    return replace(resources, settings=settings, heartbeat_pace=HeartbeatPace())


@pytest.fixture
def world(beating: Resources) -> Iterator[World]:
    """The same ledger, on its real clock."""
    made = World(beating.settings)
    made.now_us = round(ledger_time(beating.redis, beating.keys).now_s * 1e6)
    yield made
    made.redis.close()


def count_jobs(resources: Resources) -> int:
    return int(resources.redis.zcard(resources.keys.ready("urgent")))


def test_one_message_a_period_whoever_ticks(beating: Resources) -> None:
    now_s = ledger_time(beating.redis, beating.keys).now_s
    for period in (7, 7, 8, 7, 8):
        send(beating, Heartbeat(PHONE, EVERY_S), period, LedgerTime(now_s))

    assert count_jobs(beating) == 2


def test_workers_that_tick_at_once_send_one(beating: Resources) -> None:
    workers = [replace(beating, heartbeat_pace=HeartbeatPace()) for _ in range(8)]
    threads = [threading.Thread(target=beat_by_sms, args=(one,)) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count_jobs(beating) in {1, 2}  # two where a period ended between them


def test_it_is_urgent_says_nothing_and_does_not_outlive_its_period(beating: Resources) -> None:
    beat_by_sms(beating)
    [job_id] = beating.redis.zrange(beating.keys.ready("urgent"), 0, -1)
    job = beating.redis.hgetall(beating.keys.job(str(job_id)))
    text = beating.redis.hget(beating.keys.message(str(job_id), 1), "text")

    assert 0 < int(job["expires_at_ms"]) - int(job["created_at_ms"]) <= EVERY_S * 1000
    assert str(text).startswith("smsq heartbeat ")
    assert len(str(text)) == len("smsq heartbeat 12:40")


def test_without_the_setting_nothing_is_sent_and_nothing_asked(resources: Resources) -> None:
    beat_by_sms(resources)
    assert read_heartbeat_sms(resources.redis, resources.keys) is None
    assert count_jobs(resources) == 0


def test_a_message_that_arrived_is_noted(beating: Resources, world: World) -> None:
    beat_by_sms(beating)
    found = read_heartbeat_sms(beating.redis, beating.keys)
    assert found
    world.claims.settle(world.claim(found.job_id), ACCEPTED, PLAN)
    report(world, found.job_id)
    look_at_last(beating, ledger_time(beating.redis, beating.keys))

    found = read_heartbeat_sms(beating.redis, beating.keys)
    assert found
    assert not found.is_late
    assert beating.redis.hexists(beating.keys.heartbeat_sms, "delivered_ms")


@pytest.mark.parametrize("word", ["Undelivered", "rejected"])
def test_a_message_that_did_not_arrive_is_an_alarm(
    beating: Resources, world: World, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    beat_by_sms(beating)
    before = read_heartbeat_sms(beating.redis, beating.keys)
    assert before
    claim = world.claim(before.job_id)
    if word == "rejected":
        world.claims.settle(claim, Verdict(state=JobState.REJECTED, error="400: no"), PLAN)
    else:
        world.claims.settle(claim, ACCEPTED, PLAN)
        report(world, before.job_id, word)
    for _ in range(2):
        look_at_last(beating, ledger_time(beating.redis, beating.keys))

    found = read_heartbeat_sms(beating.redis, beating.keys)
    assert found
    assert found.is_late
    assert check_heartbeat_sms(found).status is Mark.ERROR
    assert caplog.text.count("the heartbeat SMS did not arrive") == 1
    assert PHONE not in caplog.text


def test_none_that_arrived_for_two_periods_is_late() -> None:
    fields = {"job": "j1", "every_ms": "600000", "first_ms": "0", "delivered_ms": "1000"}
    assert not make_heartbeat_sms(fields, 1_200_000).is_late
    assert make_heartbeat_sms(fields, 1_201_001 + 1000).is_late


def test_a_failure_of_before_is_forgotten_with_the_next() -> None:
    fields = {"job": "j2", "every_ms": "600000", "first_ms": "0", "failed_job": "j1", "failed": "x"}
    assert make_heartbeat_sms(fields, 1000).failed == ""


@given(st.dictionaries(st.sampled_from(["first_ms", "delivered_ms"]), st.integers(0, 10**13)))
def test_an_age_is_never_below_nothing(times: dict[str, int]) -> None:
    fields = {name: str(ms) for name, ms in times.items()}
    assert make_heartbeat_sms(fields, 10**12).age_s >= 0


def test_the_doctor_says_how_it_is() -> None:
    assert check_heartbeat_sms(None).status is Mark.WARNING
    fine = make_heartbeat_sms({"job": "j1", "every_ms": "600000", "delivered_ms": "0"}, 60_000)
    assert check_heartbeat_sms(fine).status is Mark.OK
    late = make_heartbeat_sms({"job": "j1", "every_ms": "600000", "delivered_ms": "0"}, 6_000_000)
    told = check_heartbeat_sms(late)
    assert told.status is Mark.ERROR
    assert "smsq why j1" in told.fix
