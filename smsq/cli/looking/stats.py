"""`smsq stats`: numbers over the whole ledger.

In:  the ledger. Out: jobs and recipients per state, the rate, and what should be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.table import Table

from smsq.cli.looking.last_hour import describe_hour, say_hour
from smsq.cli.looking.watch import say_duration, say_gate
from smsq.cli.output import json_option, make_console, open_queue, print_json, put
from smsq.measures.readings import Measures, Readings
from smsq.models import JobState
from smsq.operate.checks import REPORT_ODDITIES, say_words
from smsq.pacing.slots import RateView
from smsq.queue import SmsQueue
from smsq.status.views import Stats

#: What JSON says for ever with: it has no infinity, and null would read as "not closed".
ENDLESS_S = 1e9


@click.command()
@json_option
def stats(*, as_json: bool) -> None:
    """Show how many jobs and recipients are in which state, and the current rate.

    JSON: {"jobs": {state: n}, "recipients": {state: n}, "unknown", "dead", "oldest_waiting_s",
    "rate": {"ceiling_per_s", "current_per_s", "closed_for_s"}, "unknown_words": {word: n},
    "last_hour": {"priorities": {priority: {"jobs", "to_request": {"p50_s", "p95_s"},
    "to_delivered": {"p50_s", "p95_s"}}}, "requests": {outcome: n}, "parts", "spent"}}; unknown and
    dead count jobs. A pause has no end: then closed_for_s is 1e9. A percentile is null where there
    is nothing.
    """
    with open_queue() as queue:
        numbers = queue.stats()
        hour = _read_hour(queue)
    if as_json:
        print_json(describe(numbers) | {"last_hour": describe_hour(hour)})
        return
    _show(numbers)
    for line in say_hour(hour):
        click.echo(f"last hour {line}")


def _read_hour(queue: SmsQueue) -> Measures:
    producer = queue._producer
    with producer.call(writes=False):
        return Readings(producer.scripts).last_hour()


def describe(numbers: Stats) -> dict[str, Any]:
    """Make the JSON document of the numbers."""
    return {
        "jobs": numbers.jobs,
        "recipients": numbers.recipients,
        "unknown": numbers.jobs[JobState.UNKNOWN],
        "dead": numbers.jobs[JobState.DEAD],
        "oldest_waiting_s": round(numbers.oldest_waiting_s, 3),
        "rate": describe_rate(numbers.rate),
        "unknown_words": numbers.unknown_words,
    }


def describe_rate(rate: RateView) -> dict[str, float]:
    """Make the JSON document of the limiter."""
    return {
        "ceiling_per_s": rate.ceiling_per_s,
        "current_per_s": round(rate.current_per_s, 3),
        "closed_for_s": round(min(rate.closed_for_s, ENDLESS_S), 3),
    }


def _show(numbers: Stats) -> None:
    columns = Table.grid(padding=(0, 6))
    columns.add_row(_count("jobs", numbers.jobs), _count("recipients", numbers.recipients))
    make_console().print(columns)
    rate = numbers.rate
    by = f", set by {rate.ceiling_by}" if rate.ceiling_by else ""
    put(f"\nrate      {rate.current_per_s:.3g}/s of at most {rate.ceiling_per_s:g}/s{by}")
    if gate := say_gate(rate):
        put(f"gate      {gate}")
    slots = ", ".join(f"{n:,} {queue}" for queue, n in numbers.slots.items() if n)
    if slots:
        put(f"requests  {slots}")
    if numbers.oldest_waiting_s:
        put(f"oldest    ready to be sent for {say_duration(numbers.oldest_waiting_s)}")
    for what, n in sorted(numbers.oddities.items()):
        if n:
            fix = f": {REPORT_ODDITIES[what][1]}" if what in REPORT_ODDITIES else ""
            put(f"look at   {n} {what.replace('_', ' ')}{fix}")
    if numbers.unknown_words:
        put(f"words     not known to us: {say_words(numbers.unknown_words)}")


def _count(heading: str, numbers: Mapping[Any, int]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_row(heading, "", style="bold")
    for state, n in numbers.items():
        table.add_row(str(state), f"{n:,}", style="" if n else "dim")
    return table
