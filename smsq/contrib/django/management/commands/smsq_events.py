"""`manage.py smsq_events`: a process that reads events and sends a signal for each.

In:  the stream of events. Out: `job_changed`, `recipient_changed`, `campaign_changed`.

An event counts as handled when all receivers took it, or when one has failed too often: a receiver
that can never take an event must not keep the later ones from the others.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections, reset_queries

from smsq.contrib.django.queue import get_queue
from smsq.contrib.django.signals import dispatch, is_away
from smsq.domain.backoff import Backoff
from smsq.errors import ConfigError, QueueUnavailableError
from smsq.events.events import Event
from smsq.events.reader import EventReader
from smsq.events.subscription import EventOptions
from smsq.names import Start

log = logging.getLogger("smsq.contrib.django")

#: The loop looks this often whether it shall end.
_LOOK_S = 1.0

#: Pauses before an event is given to the receivers again.
_BACKOFF = Backoff(first_s=1, max_s=30)


class Command(BaseCommand):
    """Read events until SIGTERM or SIGINT."""

    help = "Read events of smsq and send a signal for each, until SIGTERM."

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ends, self._tries = threading.Event(), 0

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who reads, and how."""
        parser.add_argument("--group", default="django", help="processes of one group share events")
        parser.add_argument(
            "--consumer",
            default=socket.gethostname(),
            help="of this process alone; by default the host's name: give each process on a host "
            "a name of its own",
        )
        parser.add_argument(
            "--start",
            choices=[str(start) for start in Start],
            default="now",
            help="where a new group begins; one that was there goes on where it was",
        )
        parser.add_argument(
            "--tries", type=int, default=3, help="an event that receivers fail so often is skipped"
        )
        parser.add_argument(
            "--idle-s", type=float, help="end after so many seconds without an event"
        )

    def handle(self, *_: Any, group: str, consumer: str, **options: Any) -> None:
        """Read until it shall end.

        Raises:
            CommandError: The settings, or an argument, are wrong.
        """
        self._tries, idle_s = options["tries"], options["idle_s"]
        reading = EventOptions(
            group=group,
            consumer=consumer,
            start=options["start"],
            block_s=_LOOK_S if idle_s is None else idle_s,
        )
        with self._heed_signals():
            self._run(reading, is_endless=idle_s is None)

    def _run(self, reading: EventOptions, *, is_endless: bool) -> None:
        while not self._ends.is_set():
            try:
                self._follow(get_queue().events(**reading), is_endless=is_endless)
            except QueueUnavailableError as error:
                log.error("events: %s", error)  # noqa: TRY400 - its frames say nothing more
                self._ends.wait(_LOOK_S)
            except (ConfigError, ValueError) as error:
                raise CommandError(str(error)) from None
            else:
                return

    @contextmanager
    def _heed_signals(self) -> Iterator[None]:
        """End at SIGTERM and SIGINT, between two events."""
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGTERM, signal.SIGINT) if is_main else ()
        before = [signal.signal(number, lambda *_: self._ends.set()) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _follow(self, reader: EventReader, *, is_endless: bool) -> None:
        """Hand out event after event; asking for the next one acknowledges the one before."""
        while not self._ends.is_set():
            event = next(reader, None)
            if event is None:
                if not is_endless:
                    return
            elif not self._hand_out(event):
                return  # not acknowledged: it comes again
        reader.close()

    def _hand_out(self, event: Event) -> bool:
        """Give an event to the receivers until they took it; False when the end came before."""
        tries = failures = 0
        while True:
            close_old_connections()
            reset_queries()
            error = dispatch(event)
            if error is None:
                return True
            tries += 1
            failures += not is_away(error)
            if failures >= self._tries:
                log.error("event %s is skipped: receivers failed %d times", event.id, failures)
                return True
            log.warning("event %s comes again (%s)", event.id, type(error).__name__)
            if self._ends.wait(_BACKOFF.pause_s(tries)):
                return False
