"""Gathered sends, end to end: many callers, few requests, a worker killed while it sends."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter

import pytest

from smsq.models import JobState, RecipientState
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.e2e.conftest import Deploy, Deployment
from tests.support import wait_until

#: fakeredis takes thirty times as long.
SENDS, CALLERS, MOST = (600, 4, 25) if HAS_REDIS else (40, 2, 10)
SETTLED = {JobState.ACCEPTED, JobState.DONE, JobState.UNKNOWN}


def phone(n: int) -> str:
    return f"37529{1001000 + n}"


def send_from_many(deployment: Deployment, own_ids: dict[int, str]) -> list[threading.Thread]:
    """Callers, each with a queue of its own, that send one message after the other."""

    def call(first: int) -> None:
        queue = SmsQueue(settings=Settings.from_env(deployment.environ))
        for n in range(first, SENDS, CALLERS):
            own_ids[n] = queue.send_personal(phone(n), f"text {n}", key=f"send {n}")
        queue.close()

    threads = [threading.Thread(target=call, args=(first,)) for first in range(CALLERS)]
    for thread in threads:
        thread.start()
    return threads


def has_settled(deployment: Deployment) -> bool:
    jobs = deployment.queue.stats().jobs
    return not any(n for state, n in jobs.items() if state not in SETTLED)


def see_one_send_delivered(deployment: Deployment) -> None:
    """A send that nobody joins goes out soon after its time, and then tells of its own end."""
    own_id = deployment.queue.send_personal(phone(SENDS), "You owe 5")
    began_s = time.monotonic()
    wait_until(lambda: deployment.gateway.accepted(), "the gateway has it")
    assert time.monotonic() - began_s < 3
    status = deployment.queue.status
    wait_until(
        lambda: status(own_id).counts == {RecipientState.DELIVERED: 1}, "the report is there"
    )
    assert status(own_id).state is JobState.DONE


@pytest.mark.timeout(120)
def test_every_gathered_send_goes_out_once_though_a_worker_is_killed(deploy: Deploy) -> None:
    own_ids: dict[int, str] = {}
    with deploy(
        *("--latency-ms", "150"),
        workers=2,
        has_web=True,
        SMSQ_BULK_MAX_RECIPIENTS=str(MOST),
        SMSQ_GATHER_S="0.3",
        SMSQ_TIMEOUT_S="1",
    ) as deployment:
        see_one_send_delivered(deployment)
        callers = send_from_many(deployment, own_ids)
        wait_until(lambda: deployment.queue.stats().jobs[JobState.SUBMITTING], "a request is made")
        victim = deployment.processes.pop("worker")
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        for caller in callers:
            caller.join()
        wait_until(lambda: has_settled(deployment), "nothing is on its way", deadline_s=60)

        assert len(set(own_ids.values())) == SENDS
        book = Counter(deployment.gateway.accepted())
        assert set(book.values()) == {1}
        for n, own_id in own_ids.items():
            status = deployment.queue.status(own_id)
            [recipient] = deployment.queue.recipients(own_id)
            assert recipient.phone == phone(n)
            assert status.state in SETTLED
            if status.state is not JobState.UNKNOWN:
                assert book[phone(n), f"text {n}"] == 1
            assert sum(status.counts.values()) == 1
        stats = deployment.queue.stats()
        assert sum(stats.recipients.values()) == SENDS + 1
        assert stats.slots["normal"] < SENDS / 3
