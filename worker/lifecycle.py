"""What happens when a worker starts and stops.

In:  Celery's signals. Out: checked settings, our logging, a `stop` event for tasks that wait, and
when the worker last took rings, written down.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from celery import signals
from redis.exceptions import RedisError

from config import log_setup
from config.settings import EXIT_BAD_SETTINGS, load_settings
from smsq.environment.version import read_version
from smsq.rings.presence import Presence, name_gateway
from smsq.rings.ticks import EVERY_S
from smsq.steps.resources import Resources
from smsq.store.agreement import Agreement
from smsq.store.refusals import say
from tasks.current_engine import get_engine
from tasks.current_resources import find_installed, install
from tasks.poll import poll_deliveries
from tasks.recover import recover
from worker.beat import TickScheduler
from worker.clock_watch import start_watching
from worker.flower_events import JobEvents
from worker.liveness import refused, start_telling
from worker.requirements import require_durability, require_gateway, require_ledger
from worker.stand_in import start_standing_in

log = logging.getLogger(__name__)

#: Of the Celery app whose workers are ours.
APP_NAME = "smsq"


def connect_signals() -> None:
    """Listen to Celery."""
    signals.setup_logging.connect(set_up_logging, weak=False)
    signals.worker_init.connect(build_resources, weak=False)
    signals.worker_ready.connect(work_at_once, weak=False)
    signals.beat_init.connect(look_before_ticking, weak=False)
    signals.beat_init.connect(keep_schedule, weak=False)
    signals.worker_shutting_down.connect(release_holds, weak=False)
    signals.worker_shutdown.connect(close_connections, weak=False)


def keep_signals_quiet() -> None:
    """Let Celery's signal handlers write nothing.

    They say that the worker was asked to end before they note it. Where nobody reads any more, as
    after a supervisor was killed, that raised, and the worker ran on for ever.
    """
    # A worker has loaded it; beat and web need not.
    celery_worker: Any = sys.modules["celery.apps.worker"]
    celery_worker.safe_say = lambda *_, **__: None


def set_up_logging(**_: object) -> None:
    """Use our lines; Celery then leaves logging alone."""
    log_setup.set_up()


def build_resources(sender: Any, **_: object) -> None:
    """Refuse to start with wrong settings, and build what tasks need."""
    if sender.app.main != APP_NAME:
        return  # another app's worker in the same process
    # Celery sets it up later, and what is said until then would be lost.
    log_setup.set_up(worker=sender.hostname)
    # Celery's banner is no line of a log.
    sender.quiet = sender.quiet or log_setup.is_json()
    keep_signals_quiet()
    settings = load_settings(needs_gateway=True)
    if settings.sandbox:
        count = len(settings.sandbox_phones)
        log.warning("SANDBOX: really sent to: %d of SMSQ_SANDBOX_PHONES; others withheld", count)
    if names_pool(sys.argv):
        log.warning("smsq runs in threads of its own: --pool is ignored")
    # Forked children could not hold in one line, nor leave threads free for ticks.
    sender.pool_cls = sender.app.conf.worker_pool
    if os.geteuid() == 0:
        log.warning("the worker runs as root, and need not: start it as another user")
    require_ledger(settings, hears=True)
    resources = Resources.build(settings)
    gateway = name_gateway(settings.gateway_url, is_sandbox=settings.sandbox)
    presence = Presence(resources.scripts, gateway, read_version())
    require_gateway(presence, sender.hostname)
    resources.watchers.append(JobEvents(sender))
    install(resources)
    require_durability(resources.redis, resources.keys, settings.durable_claims)
    start_watching(resources.scripts, resources.stop)
    start_telling(sender.hostname, presence, resources.stop)
    Agreement(resources.scripts, settings, role="worker").keep_looking(resources.stop)
    start_standing_in(resources)
    log.info(
        "worker %s sends to %s, at %g/s at most, burst %d",
        *(sender.hostname, settings.gateway_url, settings.rate_per_s, settings.burst),
    )


def names_pool(argv: Sequence[str]) -> bool:
    """Say whether a command line asks for a pool of Celery's; its parser no longer knows."""
    return any(word.startswith(("-P", "--pool")) for word in argv)


def look_before_ticking(sender: Any, **_: object) -> None:
    """Have beat refuse a Redis that cannot keep the ledger."""
    if sender.app.main == APP_NAME:
        require_ledger(load_settings())


def keep_schedule(sender: Any, **_: object) -> None:
    """Have beat tick by our scheduler: units that are in use name Celery's."""
    if sender.app.main != APP_NAME:
        return
    log.info("beat ticks every %g s", EVERY_S)
    if isinstance(sender.scheduler, TickScheduler):
        return
    log.warning("beat ticks by smsq's own scheduler: --scheduler is ignored")
    sender.scheduler.close()
    sender.scheduler = TickScheduler(sender.app)


def work_at_once(**_: object) -> None:
    """Work off what is due without waiting for a tick: the last one may have been lost long ago."""
    installed = find_installed()
    if not installed:
        return  # another app's worker
    get_engine(installed[0]).wake()
    for tick in (recover, poll_deliveries):
        threading.Thread(target=_tick, args=(tick,), name=tick.__name__, daemon=True).start()


def _tick(tick: Callable[[], None]) -> None:
    try:
        tick()
    except RedisError as error:
        log.warning("the first look waits for a tick: %s", say(error))


def release_holds(**_: object) -> None:
    """Let the engine end: it makes no more requests, and rings for another worker."""
    log.info("the worker was asked to end: requests in hand are finished")
    for resources in find_installed():
        resources.stop.set()


def close_connections(sender: Any, **_: object) -> None:
    """Say goodbye, and give connections back; tell the supervisor not to start us again in vain."""
    if refused.is_set():
        sender.exitcode = EXIT_BAD_SETTINGS
    for resources in find_installed():
        try:
            Presence(resources.scripts).leave(sender.hostname)
        except RedisError as error:
            if not refused.is_set():
                log.warning("could not say goodbye (%s)", say(error))
        resources.close()
