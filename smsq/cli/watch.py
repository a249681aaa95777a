"""`smsq watch`: a job or a campaign, live, until it is final.

In:  an id. Out: bars per recipient state with rate and time left; in the end the status.
"""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass, field

import click
from rich.console import Group, JustifyMethod
from rich.live import Live
from rich.table import Table

from smsq.cli.output import Exit, json_option, make_console, open_queue, print_json
from smsq.cli.params import to_unicode
from smsq.cli.show import count_final, describe, show_status
from smsq.models import RecipientState
from smsq.queue import SmsQueue
from smsq.slots import RateView
from smsq.status import Status

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
@click.option("--timeout-s", type=float, metavar="N", help="Give up after this; exit code 1.")
@json_option
def watch(some_id: str, *, timeout_s: float | None, as_json: bool) -> None:
    """Watch a job or a campaign until nothing more will happen to it.

    Ends with exit code 0 whatever became of it, and with 1 when --timeout-s passed first. A job
    that is unknown is not final: a receipt or an operator decides.

    JSON: the same as of smsq status, once, when it is final or the time has passed.
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
            found = queue.status(some_id)
            now_s = time.monotonic()
            pace.note(now_s, count_final(found.counts))
            if found.is_final or (timeout_s is not None and now_s - started_s >= timeout_s):
                return found
            if live:
                live.update(draw(found, pace.per_s, say_gate(queue.stats().rate)))
            left_s = _LOOK_S if timeout_s is None else timeout_s - (now_s - started_s)
            time.sleep(max(0.0, min(_LOOK_S, left_s)))


def draw(found: Status, per_s: float, gate: str = "") -> Group:
    """Draw one look: a bar for each recipient state, and why nothing is sent when that is so."""
    total = max(1, sum(found.counts.values()))
    left = total - count_final(found.counts)
    table = Table.grid(padding=(0, 2))
    justify: JustifyMethod
    for justify in ("left", "right", "left", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for state in RecipientState:
        n = found.counts.get(state, 0)
        filled = "━" * round(_BAR_WIDTH * n / total)
        row = (str(state), f"{n:,}", f"{filled:<{_BAR_WIDTH}}", f"{n / total:.0%}")
        table.add_row(*row, style=_COLOURS[state])
    title = f"{found.kind} {found.id}: {found.state}"
    return Group(title, table, _say_pace(per_s, left), *([gate] if gate else []))


def say_gate(rate: RateView) -> str:
    """Say why nothing is sent at the moment; "" when the gate is open."""
    why = rate.closed_why or "nobody said why"
    if math.isinf(rate.closed_for_s):
        return f"sending is paused until smsq resume: {why}"
    if rate.closed_for_s:
        return f"sending is stopped for another {say_duration(rate.closed_for_s)}: {why}"
    return f"sending starts again with one probe after: {why}" if rate.closed_why else ""


def _say_pace(per_s: float, left: int) -> str:
    if per_s <= 0:
        return f"{left:,} not final yet"
    return f"{left:,} not final yet, {per_s:.1f}/s, about {say_duration(left / per_s)} left"


def say_duration(seconds: float) -> str:
    """Say a duration as a person would read it off a clock."""
    minutes, rest_s = divmod(round(seconds), _MINUTE_S)
    hours, minutes = divmod(minutes, _MINUTE_S)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"
