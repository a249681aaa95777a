"""What the relay's command does, whichever library the table is in.

In:  arguments. Out: a relay that works until it is stopped, or an answer; an exit code.
"""

from __future__ import annotations

import argparse
import json
import select
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Self
from uuid import UUID

from smsq.contrib.outbox.relay import Relay
from smsq.contrib.outbox.table import Table

#: Something waits for too long, or could not be handed over.
EXIT_ALARM = 1

#: The database is away, or has no such table.
EXIT_UNAVAILABLE = 3

#: Failed rows that are listed.
MOST_LISTED = 1000

_ALL = "all"


class Stop:
    """Waits, until a signal says to stop. Use it as a context manager, in the main thread.

    A socket, and no `threading.Event`: a signal that comes while an event's lock is held would
    wait for itself.
    """

    def __enter__(self) -> Self:
        self._near, self._far = socket.socketpair()
        numbers = (signal.SIGTERM, signal.SIGINT)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __call__(self, seconds: float) -> bool:
        """Wait for so long at most, and say whether to stop."""
        return bool(select.select([self._near], [], [], seconds)[0])

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._near.close()
        self._far.close()

    def _note(self, *_: object) -> None:
        self._far.send(b"!")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes beside the database."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="hand over what is due, then end")
    what.add_argument("--status", action="store_true", help="count what waits and what failed")
    what.add_argument("--failed", action="store_true", help="list rows that cannot be sent")
    for name, does in (("--retry", "try failed rows again"), ("--drop", "delete failed rows")):
        said = f"{does}; `{_ALL}` for all of them"
        what.add_argument(name, nargs="+", metavar="ID", type=_read_id, help=said)
    parser.add_argument(
        "--max-age-s", type=float, metavar="N", help="with --status: exit code 1 above this age"
    )
    parser.add_argument("--json", action="store_true", help="answer in one JSON document")


def run(options: argparse.Namespace, table: Table, relay: Relay, say: Callable[[str], Any]) -> int:
    """Do what the arguments ask for; returns the exit code."""
    if not (options.once or options.status or options.failed or options.retry or options.drop):
        with Stop() as stop:
            relay.run(stop)
        return 0
    try:
        return _answer(options, table, relay, say)
    except table.failures as error:
        said = f"the database has no answer ({type(error).__name__})"
        say(json.dumps({"error": said}) if options.json else said)
        return EXIT_UNAVAILABLE


def _answer(
    options: argparse.Namespace, table: Table, relay: Relay, say: Callable[[str], Any]
) -> int:
    if options.status:
        return _tell_status(options, table, say)
    if options.failed:
        return _list_failed(options, table, say)
    if options.retry or options.drop:
        return _decide(options, table, say)
    while relay.turn() == 0.0:
        pass
    return EXIT_ALARM if table.status(now_ms=table.now_ms()).waiting else 0


def _tell_status(options: argparse.Namespace, table: Table, say: Callable[[str], Any]) -> int:
    status = table.status(now_ms=table.now_ms())
    words = (
        f"{status.waiting} waiting, the oldest for {status.oldest_waiting_s:.1f} s; "
        f"{status.failed} failed"
    )
    say(json.dumps(asdict(status)) if options.json else words)
    limit_s = options.max_age_s
    return EXIT_ALARM if limit_s is not None and status.oldest_waiting_s > limit_s else 0


def _list_failed(options: argparse.Namespace, table: Table, say: Callable[[str], Any]) -> int:
    rows = table.failed(limit=MOST_LISTED)
    if options.json:
        say(json.dumps({"failed": [{**asdict(row), "id": str(row.id)} for row in rows]}))
    for row in () if options.json else rows:
        say(f"{row.id}  {row.phone}  {row.code}: {row.reason}")
    return 0


def _decide(options: argparse.Namespace, table: Table, say: Callable[[str], Any]) -> int:
    given: Sequence[UUID | str] = options.retry or options.drop
    ids = None if _ALL in given else [each for each in given if isinstance(each, UUID)]
    count = table.retry(ids, now_ms=table.now_ms()) if options.retry else table.drop(ids)
    done = "retried" if options.retry else "dropped"
    say(json.dumps({done: count}) if options.json else f"{count} {done}")
    return 0 if ids is None or count == len(set(ids)) else EXIT_ALARM


def _read_id(raw: str) -> UUID | str:
    return raw if raw == _ALL else UUID(raw)
