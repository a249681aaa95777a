"""A job that took no part in closing an endpoint is new evidence: it is the next probe, soon.

Some jobs fail for ever on a quiet system, where nobody else passes. They close their endpoint and
keep it closed with growing pauses; what comes meanwhile must not wait for those.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smsq.models import Kind
from smsq.names import Queue
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.smsq.steps.outages import FAILURES, Drive, drive

#: Fail again and again, and may be the account's fault.
POISONS = [name for name in FAILURES if name not in {"400", "breaks"}]

#: fakeredis takes thirty times as long for each.
MANY = 100 if HAS_REDIS else 30

#: What is new is out so soon.
SOON_S = 2.5


@pytest.fixture
def made(settings: Settings) -> Iterator[Drive]:
    with drive(settings) as one:
        one.nap_at_gate_s = 0.3
        yield one


def run_for(made: Drive, for_s: float) -> None:
    """Look at a closed gate some hundred times, however long it takes."""
    often_s, made.nap_at_gate_s = made.nap_at_gate_s, max(made.nap_at_gate_s, for_s / 100)
    made.run(lambda: False, for_s=for_s)
    made.nap_at_gate_s = often_s


def waits_s(made: Drive, queue: Queue, kind: Kind) -> float:
    """How long a new job waits until the gateway has it."""
    job, begun_s = made.enqueue(queue, kind), made.now_s
    made.run(lambda: made.are_out([job]), for_s=120)
    assert made.are_out([job])
    return made.now_s - begun_s


@pytest.mark.parametrize("kind", [Kind.QUICK, Kind.BULK])
@pytest.mark.parametrize("how", POISONS)
def test_what_comes_while_poison_keeps_an_endpoint_closed_goes_out_soon(
    made: Drive, how: str, kind: Kind
) -> None:
    for queue in (Queue.URGENT, Queue.NORMAL):
        made.spoil(made.enqueue(queue, kind), how)
    for after_s, queue in ((3, Queue.URGENT), (40, Queue.NORMAL), (300, Queue.URGENT)):
        run_for(made, after_s)
        assert waits_s(made, queue, kind) < SOON_S


def test_a_campaign_at_fault_delays_no_code_that_goes_through_its_endpoint(made: Drive) -> None:
    for _ in range(MANY):
        made.spoil(made.enqueue(Queue.BULK, Kind.QUICK), "500")
    run_for(made, 300)

    assert waits_s(made, Queue.URGENT, Kind.QUICK) < SOON_S


def test_in_an_outage_new_evidence_is_asked_for_less_and_less_often(made: Drive) -> None:
    for _ in range(MANY):
        for queue in (Queue.URGENT, Queue.NORMAL, Queue.BULK):
            made.enqueue(queue)
    made.gateway.all_fail = "500"
    asked = []
    for for_s in (10, 60, 600):
        before = len(made.gateway.requests)
        run_for(made, for_s)
        asked.append(len(made.gateway.requests) - before)

    assert asked[0] <= 10
    assert asked[1] <= 8
    assert asked[2] <= 25


def test_a_job_that_always_gets_429_steps_aside_though_none_of_its_kind_passes(made: Drive) -> None:
    """Its endpoint may have a limit of its own, so it is not given up; but others go first."""
    bad = made.enqueue(Queue.URGENT, Kind.BULK)
    made.spoil(bad, "429")
    waits = [waits_s(made, Queue.NORMAL, Kind.QUICK) for _ in range(MANY)]
    run_for(made, 20)
    waits += [waits_s(made, Queue.NORMAL, Kind.QUICK) for _ in range(MANY)]

    assert made.gateway.requests.count(made.phones[bad]) <= 10
    assert max(waits) < SOON_S
