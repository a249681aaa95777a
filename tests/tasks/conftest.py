"""A worker's resources in this process, against a simulated gateway in a thread."""

from __future__ import annotations

from tests.smsq.steps.conftest import (  # noqa: F401 - as the steps' own tests have them
    environ,
    queue,
    resources,
    shared_simulator,
    simulator,
)
