"""Beat's scheduler: ticks at even intervals, whatever happens to the clock of its machine.

In:  the schedule (config/celeryconfig.py) and the ledger. Out: ticks in the broker.

Celery's own plans with the wall clock: set back by an hour it sent nothing for as long. And it
sends on when nobody takes what it sends: 178 MB a day, until Redis is full.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from functools import cached_property
from typing import Any, NoReturn

from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from kombu import Connection
from redis.exceptions import RedisError

from config.settings import EXIT_BAD_SETTINGS, load_settings
from smsq.rings.ticks import EVERY_S, Ticks
from smsq.store.clock import steady_s
from smsq.store.connection import connect
from smsq.store.refusals import is_newer, say
from smsq.store.scripts import Scripts
from worker.liveness import NEWER

#: A tick comes every second; the broker has it by then, or the connection is made anew. What one
#: tick waits for in vain, the ticks after it wait for, too: two tasks have one, in turn.
_TAKEN_WITHIN_S = 2

#: Transport options by kombu's type of the broker; RabbitMQ is asked to confirm each tick, as Redis
#: does by its answer, or ticks would go for minutes into a connection that died without a word.
_TAKEN_SOON: dict[str, dict[str, Any]] = {
    "amqp": {"confirm_publish": True, "read_timeout": _TAKEN_WITHIN_S},
    "redis": {"socket_timeout": _TAKEN_WITHIN_S, "socket_connect_timeout": _TAKEN_WITHIN_S},
}


def end_process() -> NoReturn:
    """End with the exit code that tells a supervisor not to start us again in vain.

    Celery takes `SystemExit` for an ordinary end, with code 0. Beat has nothing in hand.
    """
    logging.shutdown()
    os._exit(EXIT_BAD_SETTINGS)


class TickScheduler(Scheduler):
    """Sends all entries every `EVERY_S`, each as long as its ticks are taken.

    Args:
        ticks: Of the ledger; None builds them from the environment.
        **options: As Celery's.
    """

    def __init__(self, *args: Any, ticks: Ticks | None = None, **options: Any) -> None:
        self._ticks = ticks
        self._sent_at_s: float | None = None
        super().__init__(*args, **options)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send all ticks when they are due; returns the seconds until they are again."""
        now_s, last_s = steady_s(), self._sent_at_s
        age_s = EVERY_S if last_s is None else now_s - last_s
        # A clock that cannot go back may all the same, where it is faked.
        if not 0 <= age_s < EVERY_S:
            late_s = age_s - EVERY_S
            self._sent_at_s = last_s = now_s - (late_s if 0 < late_s < EVERY_S else 0)
            self._send({str(entry.task): entry for entry in self.schedule.values()})
        return EVERY_S if last_s is None else min(EVERY_S, EVERY_S + last_s - steady_s())

    def _send(self, entries: dict[str, ScheduleEntry]) -> None:
        try:
            for task in self.ticks.may_send(*entries):
                self._ring(entries[task], task)
        except RedisError as error:
            if is_newer(error):
                self.logger.error(NEWER, "beat")  # noqa: TRY400 - the traceback says no more
                end_process()
            # Without the ledger nobody could do anything about a tick.
            self.logger.warning("beat waits for its ledger (%s)", say(error))

    def _ring(self, entry: ScheduleEntry, task: str) -> None:
        try:
            self.apply_async(entry, producer=self.producer, advance=False)
        except SchedulingError as error:
            self.logger.error("%s", error)  # noqa: TRY400 - the traceback says no more
            self._drop_connection()
            self.ticks.note_unsent(task)

    def _drop_connection(self) -> None:
        """Let the next tick connect anew: this connection may be dead, or to a former primary."""
        made = vars(self)  # Celery makes both when they are first asked for
        made.pop("producer", None)
        if connection := made.pop("connection", None):
            with suppress(Exception):
                connection.collect()

    @cached_property
    def connection(self) -> Connection:
        """To the broker; one that is silent is given up soon."""
        made = self.app.connection_for_write()
        options = _TAKEN_SOON.get(made.transport.driver_type, {})
        made.transport_options = (made.transport_options or {}) | options
        return made

    @property
    def ticks(self) -> Ticks:
        """Whether ticks are taken, by the ledger."""
        if self._ticks is None:
            settings = load_settings()
            self._ticks = Ticks(Scripts.of(connect(settings.redis_url), settings))
        return self._ticks
