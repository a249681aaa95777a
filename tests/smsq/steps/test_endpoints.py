"""One endpoint is down while the others pass: its own requests wait, and nobody else's.

Each way to fail is tried with each endpoint, for more than an hour of simulated outage.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from smsq.domain.account import Endpoint
from smsq.models import JobState, Kind
from smsq.names import Queue
from smsq.pacing.slots import read_closures
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.smsq.steps.outages import Drive, drive

pytestmark = pytest.mark.long

#: How an endpoint fails, and how many of its messages may be unknown after an hour.
OUTAGES = {
    "500": 0,
    "503": 0,
    "503 for a while": 0,
    "401": 0,
    "403": 0,
    "404": 0,
    "invalid token": 0,
    "no connection": 0,
    "no money": 0,
    "402": 0,
    "HTML": 40,
}
SENDS = {Endpoint.QUICK: Kind.QUICK, Endpoint.BULK: Kind.BULK}
OTHER = {Endpoint.QUICK: Kind.BULK, Endpoint.BULK: Kind.QUICK}

#: fakeredis takes thirty times as long for each script.
SENDS_AN_HOUR, MANY = (9, 1000) if HAS_REDIS else (6, 300)

#: What comes for an endpoint that works is out so soon, whatever waits for the other.
SOON_S = 5


@pytest.fixture
def made(settings: Settings) -> Iterator[Drive]:
    with drive(settings) as one:
        yield one


def send_others_for_an_hour(made: Drive, kind: Kind) -> list[str]:
    """One job every some minutes, in each class in turn; each has to go out soon."""
    sent = []
    classes = [Queue.URGENT, Queue.NORMAL, Queue.BULK]
    for nth in range(SENDS_AN_HOUR):
        job = made.enqueue(classes[nth % 3], kind)
        made.run(partial(made.are_out, [job]), for_s=SOON_S)
        assert made.are_out([job]), made.closed[-3:]
        made.idle(for_s=3600 / SENDS_AN_HOUR)
        sent.append(job)
    return sent


def closed_endpoints(made: Drive) -> list[tuple[str, str]]:
    stored = made.world.redis.hgetall(made.world.keys.limiter)
    limiter = {str(name): str(value) for name, value in stored.items()}
    return [(one.endpoint, one.why) for one in read_closures(limiter, made.world.now_us / 1e6)]


@pytest.mark.parametrize("how", OUTAGES)
@pytest.mark.parametrize("endpoint", SENDS)
def test_an_endpoint_that_fails_holds_back_its_own_jobs_alone_and_loses_none(
    made: Drive, how: str, endpoint: Endpoint
) -> None:
    kind = SENDS[endpoint]
    classes = [Queue.URGENT, Queue.NORMAL, Queue.BULK]
    # Where messages become unknown, some have to be left.
    each = 12 if HAS_REDIS or OUTAGES[how] else 5
    held = [made.enqueue(queue, kind) for queue in classes * each]
    healthy = [made.enqueue(queue, OTHER[endpoint]) for queue in classes * (SENDS_AN_HOUR // 3)]
    made.gateway.endpoint_fails[endpoint] = how
    made.run(lambda: made.are_out(healthy), for_s=SOON_S)
    assert made.are_out(healthy)
    send_others_for_an_hour(made, OTHER[endpoint])

    [(closed, why)] = closed_endpoints(made)
    assert closed == endpoint.path
    assert why.startswith(f"{closed}: ")
    states = made.states(held)
    assert states[JobState.UNKNOWN] <= OUTAGES[how]
    assert set(states) <= {JobState.QUEUED, JobState.WAITING, JobState.UNKNOWN}

    made.gateway.endpoint_fails.clear()
    waiting = [job for job in held if made.world.state(job) is not JobState.UNKNOWN]
    made.run(lambda: made.are_out(waiting), for_s=400)
    assert made.states(waiting) == {JobState.ACCEPTED: len(waiting)}
    assert max(made.gateway.taken.values()) == 1
    assert closed_endpoints(made) == []


@pytest.mark.parametrize("how", [how for how in OUTAGES if how != "HTML"])
def test_polls_that_fail_hold_no_message_back(made: Drive, how: str) -> None:
    polled = [made.enqueue() for _ in range(20)]
    made.run(lambda: made.are_out(polled), for_s=10)
    made.gateway.endpoint_fails[Endpoint.POLL] = how
    made.world.pass_s(300)
    sent = [*send_others_for_an_hour(made, Kind.QUICK), *send_others_for_an_hour(made, Kind.BULK)]

    assert made.are_out(sent)
    assert {endpoint for endpoint, _ in closed_endpoints(made)} <= {Endpoint.POLL.path}


@pytest.mark.parametrize("how", ["500", "403", "no connection", "HTML"])
def test_a_message_at_fault_closes_no_endpoint_for_others(made: Drive, how: str) -> None:
    bad = made.enqueue(kind=Kind.BULK)
    made.spoil(bad, how)
    good = [made.enqueue(kind=kind) for kind in (Kind.BULK, Kind.QUICK) for _ in range(10)]
    made.run(lambda: made.are_out(good), for_s=30)

    assert made.are_out(good)
    assert closed_endpoints(made) == []


def test_while_many_wait_for_an_endpoint_each_search_is_bounded(made: Drive) -> None:
    held = [made.enqueue(Queue.NORMAL, Kind.BULK) for _ in range(MANY)]
    made.gateway.endpoint_fails[Endpoint.BULK] = "invalid token"
    made.run(lambda: bool(made.closed), for_s=5)
    code = made.enqueue(Queue.NORMAL, Kind.QUICK)
    made.run(lambda: made.are_out([code]), for_s=2)

    assert made.are_out([code])
    assert made.states(held) == {JobState.QUEUED: MANY}


def test_a_job_that_comes_back_to_its_old_place_is_found_behind_those_passed_over(
    made: Drive,
) -> None:
    early = made.enqueue(Queue.NORMAL, Kind.QUICK)
    made.spoil(early, "500")
    made.run(lambda: made.world.state(early) is JobState.WAITING, for_s=5)
    [made.enqueue(Queue.NORMAL, Kind.BULK) for _ in range(300)]
    made.gateway.endpoint_fails[Endpoint.BULK] = "invalid token"
    made.gateway.fails.clear()
    made.run(lambda: made.are_out([early]), for_s=20)

    assert made.are_out([early])


def test_an_operator_who_opens_the_gate_has_each_endpoint_probed_at_once(made: Drive) -> None:
    held = [made.enqueue(kind=Kind.BULK) for _ in range(3)]
    made.gateway.endpoint_fails[Endpoint.BULK] = "invalid token"
    made.run(lambda: bool(made.closed), for_s=5)
    made.gateway.endpoint_fails.clear()
    made.resources.limiter.resume()
    made.run(lambda: made.are_out(held), for_s=2)

    assert made.are_out(held)


def test_a_probe_that_gets_429_leaves_its_place_to_another(made: Drive) -> None:
    held = [made.enqueue(kind=Kind.BULK) for _ in range(5)]
    made.gateway.endpoint_fails[Endpoint.BULK] = "invalid token"
    made.run(lambda: bool(made.closed), for_s=5)
    asked = len(made.gateway.requests)
    made.gateway.endpoint_fails[Endpoint.BULK] = "429"
    made.run(lambda: len(made.gateway.requests) > asked, for_s=70)
    made.gateway.endpoint_fails.clear()
    made.run(lambda: made.are_out(held), for_s=5)

    assert made.are_out(held)


def test_unreadable_answers_everywhere_are_found_out_about_with_polls(made: Drive) -> None:
    """What is sent for nothing may be unknown, what is polled in vain is nothing."""
    polled = [made.enqueue() for _ in range(30)]
    made.run(lambda: made.are_out(polled), for_s=10)
    made.world.pass_s(300)
    made.gateway.endpoint_fails = {
        Endpoint.POLL: "500",
        Endpoint.QUICK: "HTML",
        Endpoint.BULK: "HTML",
    }
    jobs = [made.enqueue(kind=kind) for kind in (Kind.QUICK, Kind.BULK) for _ in range(20)]
    made.idle(for_s=600)

    assert made.states(jobs)[JobState.UNKNOWN] <= 10
