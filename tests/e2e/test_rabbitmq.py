"""RabbitMQ as the broker: it dies and comes back, and two installations share it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smsq.models import JobState
from smsq.operate import doctor
from smsq.operate.checks import Mark
from tests.e2e.conftest import Deploy, Deployment
from tests.e2e.test_outages import BACK_WITHIN_S, ask_alive, is_alive
from tests.rabbit import RabbitServer, needs_rabbitmq
from tests.support import wait_until

PHONE, OTHER = "375297394567", "375297394568"
#: The simulator answers it with 500 once.
FAILS_ONCE = "375297390500"

pytestmark = [
    *(pytest.mark.real_redis, needs_rabbitmq(), pytest.mark.slow),
    pytest.mark.timeout(240),
]


@pytest.fixture
def rabbit(tmp_path: Path) -> Iterator[RabbitServer]:
    with RabbitServer(tmp_path) as server:
        yield server


def see_sent(deployment: Deployment, *jobs: str, within_s: float) -> None:
    accepted = {JobState.ACCEPTED, JobState.DONE}
    status = deployment.queue.status
    wait_until(
        lambda: all(status(job).state in accepted for job in jobs), "sent", deadline_s=within_s
    )


def test_jobs_go_out_while_rabbitmq_is_away_and_beat_ticks_soon_after(
    deploy: Deploy, rabbit: RabbitServer
) -> None:
    with deploy(SMSQ_BROKER_URL=rabbit.url, workers=2) as deployment:
        queue, ticks_s = deployment.queue, deployment.queue.heartbeat_age_s
        wait_until(lambda: is_alive(deployment, "worker"), "it takes rings")
        rabbit.kill()
        due = datetime.now(UTC) + timedelta(seconds=2)
        jobs = [
            queue.send_quick(PHONE, "away", priority="urgent"),
            queue.send_quick(FAILS_ONCE, "a retry"),
            queue.send_quick(OTHER, "later", send_at=due),
        ]
        code, said = ask_alive(deployment, "--hostname", "worker@%h")
        assert (code, "the broker cannot be reached" in said) == (1, True)
        see_sent(deployment, *jobs, within_s=BACK_WITHIN_S)
        wait_until(lambda: queue.status(jobs[0]).state is JobState.DONE, "it was polled")
        assert (ticks_s() or 99) > 1  # the workers did it: beat cannot tick

        rabbit.start()
        back_at_s = time.monotonic()
        see_sent(deployment, queue.send_quick(PHONE, "back"), within_s=BACK_WITHIN_S)
        wait_until(lambda: (ticks_s() or 99) < 1, "beat ticks", deadline_s=BACK_WITHIN_S)
        assert time.monotonic() - back_at_s < BACK_WITHIN_S
        wait_until(
            lambda: not ask_alive(deployment, "--hostname", "worker@%h")[0], "it takes rings again"
        )
        assert set(deployment.gateway.accepted().values()) == {1}
        assert "Traceback" not in deployment.read_logs()
        deployment.check()


def test_two_installations_on_one_virtual_host_send_each_their_own(
    deploy: Deploy, rabbit: RabbitServer
) -> None:
    with ExitStack() as stack:
        both = [
            stack.enter_context(deploy(SMSQ_BROKER_URL=rabbit.url, SMSQ_NAMESPACE=name))
            for name in ("shop", "bank")
        ]
        jobs = [[one.queue.send_quick(PHONE, f"code {n}") for n in range(50)] for one in both]
        for one, mine in zip(both, jobs, strict=True):
            see_sent(one, *mine, within_s=BACK_WITHIN_S)
            assert set(one.gateway.accepted().values()) == {1}
            found = {check.name: check for check in doctor.examine(one.environ)}
            assert found["queues"].detail == "all taken, by 1 worker"
            assert found["broker"].status is Mark.OK
        names = {queue for one in both for queue in read_queues(rabbit, one)}
        assert len(names) == 8


def read_queues(rabbit: RabbitServer, deployment: Deployment) -> list[str]:
    """The queues that a deployment's worker takes rings from, which must all be there."""
    settings = deployment.queue.settings
    names = [f"{settings.namespace}:{queue}" for queue in ("urgent", "normal", "bulk", "poll")]
    rabbit.ask(lambda channel: [channel.queue_declare(name, passive=True) for name in names])
    return names
