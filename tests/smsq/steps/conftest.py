"""A worker's resources in this process, against a simulated gateway in a thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.simulator.options import Options
from smsq.simulator.server import RunningSimulator, start_in_thread
from smsq.steps.resources import Resources
from tasks.current_resources import install


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[RunningSimulator]:
    with start_in_thread(Options(magic=True)) as running:
        yield running


@pytest.fixture
def simulator(shared_simulator: RunningSimulator) -> RunningSimulator:
    """A gateway without faults and with an empty book."""
    shared_simulator.change(
        rate_per_s=0, retry_after_s=None, latency_ms=0, sent_after_s=0, final_after_s=0, stall_s=3
    )
    shared_simulator.change(fault_shares={}, shuffle_pages=False, alphanames=[])
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator) -> dict[str, str]:
    return environ | {
        "SMSQ_GATEWAY_URL": simulator.url,
        "SMSQ_RATE_PER_S": "1000",
        "SMSQ_BURST": "100",
        "SMSQ_TIMEOUT_S": "1",
        "SMSQ_POLL_FIRST_S": "0.1",
        "SMSQ_BACKOFF_FIRST_S": "0.01",
        "SMSQ_BACKOFF_MAX_S": "0.02",
    }


@pytest.fixture
def resources(environ: dict[str, str]) -> Iterator[Resources]:
    """What a worker has; what the tasks find."""
    made = Resources.build(Settings.from_env(environ, needs_gateway=True))
    install(made)
    yield made
    made.stop.set()
    install(None)
    made.close()


@pytest.fixture
def queue(resources: Resources) -> Iterator[SmsQueue]:
    made = SmsQueue(settings=resources.settings)
    yield made
    made.close()
