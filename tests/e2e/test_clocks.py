"""Wrong clocks, set while real processes run: codes go on, once each, and none expires early."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.faults import MissingToolError, SetClock, kill, wrong_clock
from smsq.models import JobState
from smsq.names import Task
from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from tests.conftest import HAS_REDIS
from tests.e2e.conftest import ROOT, Deploy, Deployment
from tests.support import wait_until
from tests.ticks import leave_untaken

PHONE = "+375 29 123-45-67"
#: More than a job may ever wait for a clock here, less than any step.
EXPIRES_S = 600.0

numbers = itertools.count(10)


def settable(path: Path) -> SetClock:
    """A clock of its own for a process; without the tool there is no test."""
    clock = SetClock(path)
    try:
        assert clock.environ
    except MissingToolError as missing:
        pytest.skip(str(missing))
    return clock


def accepted(deployment: Deployment, *jobs: str) -> bool:
    """Whether the gateway has all of these jobs."""
    states = {deployment.queue.status(job).state for job in jobs}
    return states <= {JobState.ACCEPTED, JobState.DONE}


def see_everything_sent(deployment: Deployment, name: str) -> list[str]:
    """Send what waits for a clock, each in its way, and see all of it go out; returns the texts."""
    queue, number = deployment.queue, next(numbers)
    texts = [f"{name} {kind}" for kind in ("now", "later", "gathered", "again", "busy")]
    now, later, gathered, again, busy = texts
    jobs = [
        queue.send_quick(PHONE, now, priority="urgent", expires_in_s=EXPIRES_S),
        queue.send_quick(PHONE, later, send_at=datetime.now(UTC) + timedelta(seconds=1)),
        queue.send_personal(PHONE, gathered, expires_in_s=EXPIRES_S),
        # The simulator answers these with 500 and 429, once for each phone.
        queue.send_quick(f"375291{number:02}0500", again, expires_in_s=EXPIRES_S),
        queue.send_quick(f"375291{number:02}0429", busy, expires_in_s=EXPIRES_S),
    ]
    wait_until(lambda: accepted(deployment, *jobs), f"all of {name!r} is sent")
    return texts


def see_codes_go_on(deploy: Deploy, clock: SetClock, shifts: Sequence[str]) -> None:
    """Set Redis' clock time and again, a code in hand each time; look into the gateway's book."""
    with deploy("--latency-ms", "300", redis_environ=clock.environ) as deployment:
        texts = see_everything_sent(deployment, "before")
        for n, shift in enumerate(shifts):
            text = f"over step {n} to {shift}"
            code = deployment.queue.send_quick(PHONE, text, expires_in_s=EXPIRES_S)
            clock.set(shift)
            texts += [text, *see_everything_sent(deployment, f"after step {n} to {shift}")]
            assert accepted(deployment, code), text
        stats = deployment.queue.stats()

        assert not stats.jobs[JobState.UNKNOWN]
        assert not stats.jobs[JobState.EXPIRED]
        book = deployment.gateway.accepted()
        assert sorted(text for _, text in book) == sorted(texts)
        assert set(book.values()) == {1}


needs_redis = pytest.mark.skipif(not HAS_REDIS, reason="it is a redis-server whose clock is set")


@needs_redis
@pytest.mark.timeout(120)
def test_codes_go_on_when_the_clock_of_redis_is_set(deploy: Deploy, tmp_path: Path) -> None:
    see_codes_go_on(deploy, settable(tmp_path / "clock"), ["-1h", "+1h"])


@needs_redis
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_codes_go_on_when_the_clock_of_redis_goes_ten_years_back_and_again(
    deploy: Deploy, tmp_path: Path
) -> None:
    see_codes_go_on(deploy, settable(tmp_path / "clock"), ["-3650d", "+0s", "+1h", "-1h", "+0s"])


PRODUCER = """
import smsq
queue = smsq.SmsQueue.from_env()
print(queue.send_quick("+375 29 123-45-67", "Your code is 4821", expires_in_s=300))
"""


def send_by_clock(deployment: Deployment, shift: str) -> str:
    """Have a web app with a wrong clock send a code; returns the job."""
    ran = subprocess.run(
        [sys.executable, "-c", PRODUCER],
        cwd=ROOT,
        env=deployment.environ | wrong_clock(shift),
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return ran.stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("beats", "workers", "producers"),
    [
        ("-1h", "+10s", "-6m"),
        pytest.param("+1h", "-1h", "+6m", marks=pytest.mark.slow),
        pytest.param("-1h", "+1h", "-6m", marks=pytest.mark.slow),
    ],
)
def test_every_process_may_have_a_wrong_clock_of_its_own(
    deploy: Deploy, tmp_path: Path, beats: str, workers: str, producers: str
) -> None:
    clock = settable(tmp_path / "clock")
    with deploy(workers=0) as deployment:
        kill(deployment, "beat")
        command = [sys.executable, "-m", "celery", "-A", "worker", "beat"]
        deployment.start("beat", command, clock.environ)
        deployment.start_worker("worker", environ=wrong_clock(workers))  # alone
        see_everything_sent(deployment, "before")
        clock.set(beats)
        see_everything_sent(deployment, f"with beat at {beats}")
        job = send_by_clock(deployment, producers)
        wait_until(lambda: accepted(deployment, job), "the code is sent")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_worker_that_comes_back_is_at_work_though_the_broker_lost_all_ticks(
    deploy: Deploy,
) -> None:
    with deploy(workers=0) as deployment:
        soon = datetime.now(UTC) + timedelta(seconds=1)
        job = deployment.queue.send_quick(PHONE, "code", send_at=soon)
        settings = deployment.queue.settings
        # As if beat had been alone for days.
        leave_untaken(Scripts.of(connect(settings.redis_url), settings), Task.RECOVER, 1000)
        deployment.start_worker()
        wait_until(lambda: accepted(deployment, job), "the code is sent")
