"""Each process knows its own secrets alone: looked for where a thief would, in /proc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smsq.environment.least.needs import NEEDS, Process
from tests.e2e.conftest import Deploy
from tests.support import wait_until

SECRETS: dict[str, Any] = {
    "SMSQ_GATEWAY_TOKEN": "canary-of-the-gateways-token",
    "SMSQ_CALLBACK_SECRET": "canary-of-the-receipts-secret",
    "SMSQ_WEBHOOK_SECRET": "canary-of-the-webhooks-secret",
    "SMSQ_WEB_READERS": "ann:canary-of-the-readers",
    "SMSQ_WEB_OPERATORS": "bob:canary-of-the-operators",
    "FLOWER_BASIC_AUTH": "flo:canary-of-flower",
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
def test_no_process_has_anothers_secret_in_its_environment(deploy: Deploy) -> None:
    url = "http://127.0.0.1:9"
    with deploy(has_web=True, has_flower=True, SMSQ_WEBHOOK_URL=url, **SECRETS) as deployment:
        wait_until(lambda: deployment.queue.heartbeat_age_s() is not None, "beat ticks")
        processes = deployment.processes
        for process in Process:
            path = Path(f"/proc/{processes[process].pid}/environ")
            environ = path.read_bytes().decode(errors="replace")
            found = {name for name, value in SECRETS.items() if value in environ}
            assert found == {name for name, (needed_by, _) in NEEDS.items() if process in needed_by}
