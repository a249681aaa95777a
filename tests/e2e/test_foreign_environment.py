"""Our processes in an environment that another app filled for its own Celery."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from smsq.models import JobState
from tests.e2e.conftest import ROOT, Deploy
from tests.smsq.rings.test_celery_app import FOREIGN, NAMES
from tests.support import wait_until

#: Read by the `celery` command itself, before it knows which app it runs.
_OF_THE_COMMAND = {"CELERY_WORKDIR", "CELERY_VERSION", "CELERY_HELP"}
_FLAGS_OF_THE_COMMAND = ("CELERY_NO_COLOR", "CELERY_QUIET", "CELERY_SKIP_CHECKS")


def foreign_environment() -> dict[str, str]:
    """Set every name to something misleading that does not stop the `celery` command itself."""
    foreign = dict.fromkeys(set(NAMES) - _OF_THE_COMMAND, FOREIGN[0])
    # Celery reads these as numbers while it is imported, be it ours or another's.
    foreign |= {
        name: "1" for name in NAMES if name.endswith(("_MAX", "_EXPIRES", "_PORT", "_EVERY"))
    }
    foreign |= dict.fromkeys(_FLAGS_OF_THE_COMMAND, "1")
    return foreign | {
        "CELERY_CONFIG_MODULE": "shop.celeryconfig",
        "CELERY_LOADER": "shop.loader:Loader",
        "CELERY_RESULT_BACKEND": "django-db",
        "CELERY_TASK_ALWAYS_EAGER": "1",
        "CELERY_WORKER_QUEUES": "shop",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


@pytest.mark.slow
def test_worker_beat_and_flower_work_in_it(deploy: Deploy) -> None:
    # `smsq worker` and the others shut out what the `celery` command would read, too.
    environ: dict[str, Any] = dict.fromkeys(NAMES, FOREIGN[0])
    # The name that many Django projects have, and smsq too: Celery would take ours for Django's,
    # and Django would set a time zone of its own.
    environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "TZ": "Asia/Tokyo"}
    with deploy(has_flower=True, has_web=True, **environ) as deployment:
        job = deployment.queue.send_quick("375291234567", "code")
        send = deployment.queue.send_personal("375291234567", "gathered, so that beat is needed")
        for some_id in (job, send):
            wait_until(
                lambda some_id=some_id: deployment.queue.status(some_id).state is JobState.DONE,  # type: ignore[misc]
                "it was sent and polled for",
            )
        report = subprocess.run(
            [sys.executable, "-m", "celery", "-A", "worker", "report"],
            cwd=ROOT,
            env={
                **{k: v for k, v in deployment.environ.items() if not k.startswith("CELERY_")},
                **foreign_environment(),
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert "results:disabled" in report.stdout
        assert "shop" not in report.stdout
        logs = deployment.read_logs()
        assert "Traceback" not in logs
        assert "FixupWarning" not in logs
        for written in re.findall(r"^20\d\d-\S+ [\d:]{8}", logs, re.M):
            at = datetime.fromisoformat(written).replace(tzinfo=ZoneInfo("Asia/Tokyo"))
            assert abs(datetime.now(UTC) - at) < timedelta(hours=1)
