"""When the gate closes, and when it does not: one request's fault, or the account's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from smsq.domain.account import Endpoint
from smsq.errors import BusyError, MisconfiguredError, TemporaryError
from smsq.models import JobState
from smsq.pacing.slots import Closed, Slot
from smsq.settings import Settings
from tests.smsq.steps.outages import FAILURES, Drive, drive


@pytest.fixture
def made(settings: Settings) -> Iterator[Drive]:
    with drive(settings) as one:
        yield one


def accept(made: Drive, count: int) -> list[str]:
    """Jobs that the gateway has, to be polled in five seconds; the phone is the message id."""
    jobs = [made.enqueue() for _ in range(count)]
    made.run(lambda: made.are_out(jobs), for_s=10)
    return jobs


def test_a_poll_that_gets_404_holds_up_its_message_alone(made: Drive) -> None:
    [polled] = accept(made, 1)
    ref = f"poll {made.phones[polled]}"
    made.gateway.fails[ref] = "404"
    made.world.pass_s(200)
    jobs = [made.enqueue() for _ in range(20)]
    made.run(lambda: made.are_out(jobs) and ref in made.gateway.requests, for_s=60)

    assert made.are_out(jobs)
    assert made.closed == []
    assert made.gateway.requests.count(ref) == 1


def test_polls_of_two_messages_close_their_endpoint_alone_when_none_passes(made: Drive) -> None:
    polled = accept(made, 2)
    for job in polled:
        made.gateway.fails[f"poll {made.phones[job]}"] = "404"
    made.world.pass_s(200)
    made.run(lambda: len(made.gateway.requests) == 4, for_s=100)

    fields = ["is_probing", "why", "why_poll"]
    told = made.world.redis.hmget(made.world.keys.limiter, *fields)
    assert told == [None, None, "getSmsDeliveryList: 404"]
    code = made.enqueue()
    made.run(lambda: made.are_out([code]), for_s=1)
    assert made.are_out([code])


@pytest.mark.parametrize("how", ["no connection", "500", "HTML", "401"])
def test_a_probe_that_proves_nothing_leaves_the_gate_closed(made: Drive, how: str) -> None:
    made.enqueue()
    made.enqueue()
    slot = made.resources.limiter.reserve()
    assert isinstance(slot, Slot)
    made.resources.limiter.close_broken(slot, "invalid token")
    made.gateway.all_fail = how
    made.run(lambda: len(made.gateway.requests) == 1, for_s=100)

    assert made.world.redis.hget(made.world.keys.limiter, "is_probing") == "1"
    made.gateway.all_fail = None
    made.run(lambda: len(made.gateway.taken) == 1, for_s=100)
    assert made.world.redis.hget(made.world.keys.limiter, "is_probing") is None


@pytest.mark.parametrize("how", ["429", "no money"])
def test_the_probe_takes_another_job_than_the_one_that_closed_the_gate(
    made: Drive, how: str
) -> None:
    bad, good = made.enqueue(), made.enqueue()
    made.spoil(bad, how)
    made.run(lambda: made.are_out([good]), for_s=100)

    assert made.gateway.requests == [made.phones[bad], made.phones[good]]


def test_a_job_that_gets_429_again_while_others_pass_waits_by_itself(made: Drive) -> None:
    bad = made.enqueue()
    made.spoil(bad, "429")
    jobs = [made.enqueue() for _ in range(10)]
    made.run(lambda: made.are_out(jobs), for_s=60)

    assert len(made.closed) <= 2
    assert made.gateway.requests.count(made.phones[bad]) == 2
    status = made.world.views.status(bad)
    assert (status.state, status.attempts, status.error) == (JobState.WAITING, 0, "429")


@pytest.mark.long
def test_a_job_that_is_refused_alone_again_and_again_is_rejected_at_last(made: Drive) -> None:
    bad = made.enqueue()
    made.spoil(bad, "403")
    for _ in range(400):
        made.run(partial(made.are_out, [made.enqueue()]), for_s=60)
        made.world.pass_s(10)
        if made.world.state(bad) is JobState.REJECTED:
            break

    status = made.world.views.status(bad)
    assert status.state is JobState.REJECTED
    assert status.error == "403: content, 10 times while others passed"
    assert made.gateway.requests.count(made.phones[bad]) == 11


def test_words_about_the_token_close_the_gate_at_once(
    made: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say_token() -> Exception:
        return MisconfiguredError("invalid token", is_certain=True)

    monkeypatch.setitem(FAILURES, "token", say_token)
    made.gateway.all_fail = "token"
    jobs = [made.enqueue() for _ in range(3)]
    made.run(lambda: bool(made.closed), for_s=5)

    assert (len(made.gateway.requests), made.closed[0]) == (1, "sendQuickSMS: invalid token")
    assert made.states(jobs) == {JobState.QUEUED: 3}


def reserve(made: Drive) -> Slot:
    slot = made.resources.limiter.reserve()
    assert isinstance(slot, Slot)
    return slot


def closed_for_s(made: Drive) -> float:
    closed = made.resources.limiter.reserve()
    assert isinstance(closed, Closed)
    return closed.wait_s


def test_a_poll_on_its_way_does_not_keep_a_closed_gate_closed(made: Drive) -> None:
    job, limiter = made.enqueue(), made.resources.limiter
    first, second = reserve(made), reserve(made)
    limiter.hear(first, BusyError("429", status=429), who=job, endpoint=Endpoint.QUICK)
    slow = TemporaryError("503", status=503, retry_after_s=3600)
    limiter.hear(second, slow, who="", endpoint=Endpoint.POLL)

    assert closed_for_s(made) < 1


@pytest.mark.parametrize("endpoint", [Endpoint.QUICK, Endpoint.POLL])
def test_one_request_closes_the_gate_for_a_minute_at_most(made: Drive, endpoint: Endpoint) -> None:
    """What asks for an hour has to ask a probe for it as well, which is another's."""
    job = made.enqueue()
    busy = BusyError("429", status=429, retry_after_s=3600)
    made.resources.limiter.hear(reserve(made), busy, who=job, endpoint=endpoint)

    assert 50 < closed_for_s(made) <= 60
