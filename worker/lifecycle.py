"""What happens when a worker starts and stops.

In:  Celery's signals. Out: checked settings, our logging, a `stop` event for tasks that hold.
"""

from __future__ import annotations

import logging.config
from typing import Any

from celery import signals

from config.logs import LOGGING
from config.settings import load_settings
from tasks.resources import Resources, find_installed, install

log = logging.getLogger(__name__)

#: Of the Celery app whose workers are ours.
APP_NAME = "smsq"


def connect_signals() -> None:
    """Listen to Celery."""
    signals.setup_logging.connect(set_up_logging, weak=False)
    signals.worker_init.connect(build_resources, weak=False)
    signals.worker_shutting_down.connect(release_holds, weak=False)
    signals.worker_shutdown.connect(close_connections, weak=False)


def set_up_logging(**_: object) -> None:
    """Use our lines; Celery then leaves logging alone."""
    logging.config.dictConfig(LOGGING)


def build_resources(sender: Any, **_: object) -> None:
    """Refuse to start with wrong settings, and build what tasks need."""
    if sender.app.main != APP_NAME:
        return  # another app's worker in the same process
    settings = load_settings(needs_gateway=True)
    if sender.pool_cls != sender.app.conf.worker_pool:
        # Forked children could not hold in one line, nor leave threads free for ticks.
        log.warning("smsq runs in threads of its own: --pool is ignored")
        sender.pool_cls = sender.app.conf.worker_pool
    install(Resources.build(settings))
    log.info(
        "worker for %s at %g/s, burst %d", settings.gateway_url, settings.rate_per_s, settings.burst
    )


def release_holds(**_: object) -> None:
    """Let tasks that hold for a slot end: they hand their jobs back."""
    for resources in find_installed():
        resources.stop.set()


def close_connections(**_: object) -> None:
    """Give connections back."""
    for resources in find_installed():
        resources.close()
