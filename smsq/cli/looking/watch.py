"""`smsq watch`: a job or a campaign, live, until it is final.

In:  an id. Out: bars per recipient state with rate and time left, and what holds it up; in the end
the status.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import click
from rich.console import Group, JustifyMethod
from rich.live import Live
from rich.table import Table

from smsq.cli.campaigns.brakes import say_brake
from smsq.cli.looking.status import count_final, describe, show_status
from smsq.cli.output import Exit, json_option, make_console, open_queue, print_json
from smsq.cli.params import to_unicode
from smsq.errors import NotFoundError
from smsq.models import JobState, RecipientState
from smsq.pacing.slots import Closure, RateView
from smsq.queue import SmsQueue
from smsq.status.status import Campaign, Status

#: Time between two looks.
_LOOK_S = 0.5

#: The rate is taken over so many looks.
_LOOKS = 60

_BAR_WIDTH = 40

_MINUTE_S = 60

_COLOURS = {
    RecipientState.PENDING: "dim",
    RecipientState.SENT: "blue",
    RecipientState.DELIVERED: "green",
    RecipientState.UNDELIVERED: "red",
    RecipientState.NO_REPORT: "yellow",
    RecipientState.WITHHELD: "magenta",
}

#: Of recipients whose job ended without being sent.
_UNSENT_COLOUR = "magenta"


@dataclass(slots=True)
class Pace:
    """How fast recipients become final, from the latest looks: when, and how many were."""

    _looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_LOOKS))

    def note(self, at_s: float, final: int) -> None:
        """Remember one look."""
        self._looks.append((at_s, final))

    @property
    def per_s(self) -> float:
        """Recipients per second that became final; 0 before two looks."""
        (first_s, first), (last_s, last) = self._looks[0], self._looks[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0


@click.command()
@click.argument("some_id", metavar="ID", callback=to_unicode)
@click.option("--timeout-s", type=float, metavar="N", help="Stop after N seconds; exit code 1.")
@json_option
def watch(some_id: str, *, timeout_s: float | None, as_json: bool) -> None:
    """Follow a job or a campaign until it is final.

    Exit code 0 when it is final, whatever its state; 1 when --timeout-s passed first. An unknown
    job is not final: a receipt, a report or an operator has to decide.

    JSON: as of `smsq status`, printed once at the end.
    """
    with open_queue() as queue:
        found = _watch(queue, some_id, timeout_s, is_shown=not as_json)
    print_json(describe(found)) if as_json else show_status(found)
    if not found.is_final:
        click.echo(f"smsq: not final after {timeout_s:g} s", err=True)
        raise click.exceptions.Exit(Exit.FAILED)


def _watch(queue: SmsQueue, some_id: str, timeout_s: float | None, *, is_shown: bool) -> Status:
    """Look until it is final or the time has passed; returns the last status."""
    console = make_console()
    is_live = is_shown and console.is_terminal
    pace, started_s = Pace(), time.monotonic()
    with Live(console=console, transient=True) if is_live else nullcontext() as live:
        while True:
            found = _look(queue, some_id)
            now_s = time.monotonic()
            pace.note(now_s, count_settled(found))
            if found.is_final or (timeout_s is not None and now_s - started_s >= timeout_s):
                return queue.status(some_id)
            if live:
                live.update(draw(found, pace.per_s, say_gate(queue.stats().rate)))
            left_s = _LOOK_S if timeout_s is None else timeout_s - (now_s - started_s)
            time.sleep(max(0.0, min(_LOOK_S, left_s)))


def _look(queue: SmsQueue, some_id: str) -> Status | Campaign:
    """Ask for the numbers alone where they are kept: a campaign may have thousands of jobs."""
    try:
        return queue.campaign(some_id)
    except NotFoundError:
        return queue.status(some_id)


def count_settled(found: Status | Campaign) -> int:
    """Count recipients to whom nothing more will happen."""
    return count_final(found.counts)


def draw(found: Status | Campaign, per_s: float, gate: str = "") -> Group:
    """Draw one look: a bar for each recipient state, and why nothing is sent when that is so."""
    total = max(1, sum(found.counts.values()))
    left = total - count_settled(found)
    table = Table.grid(padding=(0, 2))
    justify: JustifyMethod
    for justify in ("left", "right", "left", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for state, n, colour in _bars(found):
        filled = "━" * round(_BAR_WIDTH * n / total)
        row = (state, f"{n:,}", f"{filled:<{_BAR_WIDTH}}", f"{n / total:.0%}")
        table.add_row(*row, style=colour)
    lines = [_say_pace(per_s, left), _say_jobs(found), say_brake(found.id, found.brake), gate]
    return Group(_say_title(found), table, *filter(None, lines))


def _bars(found: Status | Campaign) -> Iterator[tuple[str, int, str]]:
    for state in RecipientState:
        n = found.counts.get(state, 0)
        # Who was never sent to has a bar of his own.
        if state is RecipientState.UNDELIVERED:
            n -= sum(found.unsent.values())
        yield str(state), n, _COLOURS[state]
    for ended, n in found.unsent.items():
        yield str(ended), n, _UNSENT_COLOUR


def _say_title(found: Status | Campaign) -> str:
    name = f" “{found.name}”" if isinstance(found, Campaign) and found.name else ""
    return f"{found.kind} {found.id}{name}: {found.state}"


def _say_jobs(found: Status | Campaign) -> str:
    if not isinstance(found, Campaign):
        return ""
    jobs = [f"{found.jobs[state]:,} {state}" for state in JobState if state in found.jobs]
    return f"jobs: {', '.join(jobs)}"


def say_gate(rate: RateView) -> str:
    """Say why nothing, or not everything, is sent at the moment; "" when all is open.

    A sandbox is said first.
    """
    sandbox = "SANDBOX: all but a few phones are withheld" if rate.is_sandbox else ""
    return "; ".join(filter(None, (sandbox, *map(_say_closure, rate.closures))))


def _say_closure(closure: Closure) -> str:
    what = closure.endpoint or "sending"
    why = closure.why.removeprefix(f"{closure.endpoint}: ") or "nobody said why"
    if math.isinf(closure.for_s):
        return f"{what} is paused until smsq resume: {why}"
    if closure.for_s:
        return f"{what} is stopped for another {say_duration(closure.for_s)}: {why}"
    return f"{what} starts again with one probe after: {why}" if closure.why else ""


def _say_pace(per_s: float, left: int) -> str:
    if per_s <= 0 or not left:
        return f"{left:,} not final yet"
    return f"{left:,} not final yet, {per_s:.1f}/s, about {say_duration(left / per_s)} left"


def say_duration(seconds: float) -> str:
    """Say a duration as a person would read it off a clock."""
    minutes, rest_s = divmod(round(seconds), _MINUTE_S)
    hours, minutes = divmod(minutes, _MINUTE_S)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"
