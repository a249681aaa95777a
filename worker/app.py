"""The Celery app that worker, beat and Flower share.

In:  settings. Out: `app`, with the tasks registered by name.

Only a worker needs the gateway's address and token: it alone checks and reads them.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from itertools import pairwise

from config import log_setup
from config.celeryconfig import celery_options
from config.settings import load_settings
from smsq.rings.celery_app import FOREIGN_PREFIX, OwnCelery
from worker import lifecycle


def is_worker(argv: Sequence[str]) -> bool:
    """Say whether a command line starts a worker, as `celery -A worker worker` does."""
    return any(
        word == "worker" and before not in {"-A", "--app"} for before, word in pairwise(argv)
    )


def name_process(argv: Sequence[str]) -> str:
    """Say which process a command line starts."""
    return next((name for name in ("beat", "flower") if name in argv), "worker")


def forget_foreign_options() -> None:
    """Take Celery's own variables out of this process: another app's `.env` brought them here.

    They are options of Celery's commands as well: `CELERY_WORKER_QUEUES` would have a worker take
    another's rings. Click looks for them after this module is there.
    """
    for name in [name for name in os.environ if name.startswith(FOREIGN_PREFIX)]:
        del os.environ[name]


forget_foreign_options()
log_setup.begin(name_process(sys.argv))
app = OwnCelery(
    lifecycle.APP_NAME,
    amqp="worker.reconnect:ReconnectingAmqp",
    events="worker.flower_events:ThreadEvents",
    include=["tasks.send", "tasks.poll", "tasks.recover"],
)
# A worker that cannot start is told all of its mistakes at once, the gateway's too.
app.conf.update(celery_options(load_settings(needs_gateway=is_worker(sys.argv))))
# worker/lifecycle.py says the same in one line.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
lifecycle.connect_signals()
