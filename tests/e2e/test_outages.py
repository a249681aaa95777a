"""Redis goes away and comes back, workers go deaf: everything that runs goes on by itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from redis import Redis

from smsq.gateway.receipts import receipt_url
from smsq.models import JobState
from smsq.operate import doctor
from smsq.operate.checks import Mark
from smsq.rings.presence import read_presence
from smsq.store.connection import connect
from smsq.store.keys import Keys
from tests.e2e.conftest import ROOT, Deploy, Deployment
from tests.support import MutingProxy, wait_until
from worker.alive import expand, look

PHONE = "375297394567"
#: What `smsq alive` is asked about.
WORKER, BEAT = ("--hostname", "worker@%h"), ("--beat",)
#: Redis is up again: so soon must everybody be at work.
BACK_WITHIN_S = 10.0

pytestmark = [pytest.mark.real_redis, pytest.mark.timeout(240)]


def ask_alive(deployment: Deployment, *about: str) -> tuple[int, str]:
    asked = subprocess.run(
        [sys.executable, "-m", "smsq.cli", "alive", *about],
        cwd=ROOT,
        env=deployment.environ,
        capture_output=True,
        check=False,
        timeout=30,
    )
    return asked.returncode, asked.stdout.decode()


def is_alive(deployment: Deployment, worker: str) -> bool:
    """What `smsq alive` would say; asked time and again, a process for each would take longest."""
    settings = deployment.queue.settings
    redis = connect(settings.redis_url)
    [(is_well, _)] = look(redis, Keys(settings.namespace), expand(f"{worker}@%h"))
    redis.close()
    return is_well


def post_receipt(deployment: Deployment, job: str) -> int:
    secret, until_s = deployment.environ["SMSQ_CALLBACK_SECRET"], int(time.time()) + 3600
    url = receipt_url(deployment.url("web"), job, secret, until_s=until_s)
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def lose_redis(deployment: Deployment, down_s: float, job: str) -> None:
    """Kill Redis and start it again on what it kept."""
    redis = deployment.processes.pop("redis")
    redis.kill()
    redis.wait()
    killed_at_s = time.monotonic()
    assert post_receipt(deployment, job) == 503
    time.sleep(max(0, down_s - (time.monotonic() - killed_at_s)))
    deployment.start_redis()


def see_everybody_at_work(deployment: Deployment) -> None:
    """Within the time that everybody has: a job is sent, both workers take rings, beat ticks."""
    back_at_s = time.monotonic()
    queue = deployment.queue
    redis = Redis(port=deployment.ports["redis"], decode_responses=True)
    keys = Keys(queue.settings.namespace)
    job = queue.send_quick(PHONE, f"back at {back_at_s}")

    def is_everybody_at_work() -> bool:
        since_s = time.monotonic() - back_at_s
        ages_s = [queue.heartbeat_age_s() or since_s, *read_presence(redis, keys).values()]
        has_job = queue.status(job).state in {JobState.ACCEPTED, JobState.DONE}
        return has_job and len(ages_s) == 3 and all(age_s < since_s for age_s in ages_s)

    wait_until(is_everybody_at_work, "all are back at work", deadline_s=BACK_WITHIN_S)
    redis.close()
    assert post_receipt(deployment, job) == 200
    deployment.check()


@pytest.mark.parametrize(
    "down_s",
    # Kombu's own pauses would have grown to ten seconds and more.
    [3, pytest.param(31, marks=pytest.mark.slow)],
)
def test_everybody_is_back_soon_after_an_outage(deploy: Deploy, down_s: float) -> None:
    with deploy("--latency-ms", "2000", workers=2, has_web=True) as deployment:
        jobs: list[str] = []
        stats = deployment.queue.stats

        def have_jobs_in_hand() -> bool:
            states = stats().jobs
            if not states[JobState.QUEUED] and not states[JobState.SUBMITTING]:
                # The first ones, or those before them were answered while nobody looked.
                jobs.extend(deployment.queue.send_quick(PHONE, f"{len(jobs)}{i}") for i in range(6))
            return states[JobState.SUBMITTING] >= 5

        wait_until(have_jobs_in_hand, "workers have jobs in hand")

        lose_redis(deployment, down_s, jobs[0])
        wait_until(
            lambda: all(deployment.queue.status(job).is_final for job in jobs),
            "what was in hand was written down when Redis was back",
            # Reports come by polls; a busy machine takes its time for them.
            deadline_s=100,
        )
        see_everybody_at_work(deployment)
        assert set(deployment.gateway.accepted().values()) == {1}
        assert stats().jobs[JobState.UNKNOWN] == 0


def test_a_worker_that_does_not_take_rings_is_deaf_though_its_process_runs(deploy: Deploy) -> None:
    with deploy() as deployment:
        wait_until(lambda: is_alive(deployment, "worker"), "it takes rings")
        assert ask_alive(deployment, *WORKER)[0] == 0
        found = {check.name: check for check in doctor.examine(deployment.environ)}
        assert found["workers"].status is Mark.OK
        assert "visibility timeout" not in found
        process = deployment.processes["worker"]
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not is_alive(deployment, "worker"), "it is deaf", deadline_s=20)
        code, said = ask_alive(deployment, *WORKER)
        assert (code, "deaf" in said) == (1, True)
        assert process.poll() is None
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: is_alive(deployment, "worker"), "it takes rings again")
        deployment.processes.pop("worker").terminate()
        process.wait(20)
        assert "ended" in ask_alive(deployment, *WORKER)[1]


@pytest.mark.slow
def test_beat_is_asked_whether_it_ticks_and_not_whether_it_runs(deploy: Deploy) -> None:
    with deploy() as deployment:
        wait_until(lambda: ask_alive(deployment, *BEAT)[0] == 0, "it ticks")
        process = deployment.processes["beat"]
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: ask_alive(deployment, *BEAT)[0] == 1, "it is told", deadline_s=60)
        # The worker is none the worse for it.
        code, said = ask_alive(deployment, *WORKER, *BEAT)
        assert (code, "alive" in said, "beat: no tick" in said) == (1, True, True)
        assert process.poll() is None
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: ask_alive(deployment, *BEAT)[0] == 0, "it ticks again")


@pytest.mark.slow
def test_beat_alone_is_not_blamed_for_workers_that_are_not_there(deploy: Deploy) -> None:
    with deploy() as deployment:
        wait_until(lambda: ask_alive(deployment, *BEAT)[0] == 0, "it ticks")
        worker = deployment.processes.pop("worker")
        worker.terminate()
        worker.wait(20)
        until_s = time.monotonic() + 45
        while time.monotonic() < until_s:
            assert ask_alive(deployment, *BEAT)[0] == 0
            time.sleep(1)
        assert "no worker took its last" in ask_alive(deployment, *BEAT)[1]


@pytest.mark.slow
def test_connections_that_fall_silent_without_an_end_are_given_up(deploy: Deploy) -> None:
    with deploy() as deployment, MutingProxy(deployment.ports["redis"]) as proxy:
        for name in ("worker", "beat"):
            process = deployment.processes.pop(name)
            process.terminate()
            process.wait(20)
        deployment.environ["SMSQ_BROKER_URL"] = f"redis://127.0.0.1:{proxy.port}/0"
        deployment.start_worker()
        deployment.start_beat()
        ticks = deployment.queue.heartbeat_age_s
        wait_until(lambda: (ticks() or 99) < 1, "beat and worker speak through the proxy")

        proxy.mute()
        time.sleep(3)
        assert (ticks() or 0) > 2  # the ledger can be reached, but nobody rings
        wait_until(lambda: (ticks() or 99) < 1, "both have connected anew")
        wait_until(lambda: is_alive(deployment, "worker"), "the worker takes rings")
        deployment.check()
