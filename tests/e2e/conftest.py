"""Whole deployments: real processes against a simulated gateway, as the demo starts them."""

from __future__ import annotations

import base64
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pytest

from smsq.cli.running.stack import LISTENERS, Stack
from smsq.operate.controls import Controls
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.simulator.server import RunningSimulator
from tests.side_by_side import arrange
from tests.support import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here starts processes, and waits for them most of its time."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker("long")
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        items[:] = arrange(items, lambda item: item.path.parent == HERE, workers)


class Deployment(Stack):
    """A stack with a web app's queue and a look at the gateway's book."""

    queue: SmsQueue
    controls: Controls
    gateway: RunningSimulator

    def read_logs(self) -> str:
        """What all processes but Redis wrote."""
        logs = [path for path in self.folder.glob("*.log") if path.stem != "redis"]
        return "\n".join(path.read_text(errors="replace") for path in logs)


class Deploy(Protocol):
    """Starts a deployment."""

    def __call__(
        self,
        *simulator_options: str,
        workers: int = 1,
        has_flower: bool = False,
        has_web: bool = False,
        redis_environ: Mapping[str, str] = ...,
        **settings: str,
    ) -> AbstractContextManager[Deployment]: ...


@pytest.fixture(autouse=True)
def patience_with_workers(patient_doctor: None) -> None:
    """Have the doctor wait for workers that are there."""


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """Starts deployments; each is stopped by pid when its block ends."""

    @contextmanager
    def start(
        *simulator_options: str,
        workers: int = 1,
        has_flower: bool = False,
        has_web: bool = False,
        redis_environ: Mapping[str, str] = MappingProxyType({}),
        **environ: str,
    ) -> Iterator[Deployment]:
        quick = {"SMSQ_RATE_PER_S": "1000", "SMSQ_BURST": "10", "SMSQ_POLL_FIRST_S": "0.5"}
        with Deployment(
            ROOT,
            tmp_path_factory.mktemp("stack"),
            _with_defaults(simulator_options),
            quick | environ,
            workers=workers,
            has_flower=has_flower,
            has_web=has_web,
            redis_environ=redis_environ,
            ports={name: free_port() for name in LISTENERS},
        ) as deployment:
            settings = Settings.from_env(deployment.environ)
            deployment.queue = SmsQueue(settings=settings)
            deployment.controls = Controls.build(settings)
            deployment.gateway = RunningSimulator(deployment.url("simulator"))
            yield deployment
            deployment.queue.close()
            deployment.controls.close()

    return start


def _with_defaults(options: Sequence[str]) -> Sequence[str]:
    return ("--sent-after-s", "0.1", "--final-after-s", "0.3", "--magic", *options)


def read_flower(deployment: Deployment, page: str, *, data: bytes | None = None) -> str:
    """A page as an operator sees it."""
    request = urllib.request.Request(deployment.url("flower") + page, data)
    password = base64.b64encode(deployment.environ["FLOWER_BASIC_AUTH"].encode()).decode()
    request.add_header("Authorization", f"Basic {password}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{page}: {error}") from None
