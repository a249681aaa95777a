"""`smsq history`: what went on in the last hours.

In:  what scripts measured. Out: how long messages took, what the gateway answered and how fast,
what was delivered for whom, what it cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from smsq.cli.output import json_option, make_console, make_table, print_json
from smsq.cli.times import reader_zone, say_time
from smsq.measures.readings import KEEP_MINUTES, Measures, Readings, add_up
from smsq.measures.summary import (
    Deliveries,
    list_answers,
    list_deliveries,
    list_requests,
    list_speeds,
)
from smsq.names import PRIORITIES
from smsq.settings import Settings
from smsq.store.clock import ledger_time
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts

_HOUR_S, _DAY_S = 3600, 86_400

_MOST_HOURS = KEEP_MINUTES // 60

#: From here on tenths of seconds say nothing.
_LONG_S = 10


@click.command()
@click.option(
    "--hours",
    type=click.IntRange(1, _MOST_HOURS),
    help="The last hours; 1 by default.",
)
@click.option("--today", "is_today", is_flag=True, help="Since midnight in SMSQ_TIMEZONE.")
@json_option
def history(*, hours: int | None, is_today: bool, as_json: bool) -> None:
    """Show the last hours: waits, requests, deliveries by sender and country, money.

    Each share has that of the 24 hours before beside it. Percentiles are estimated from buckets.
    What was measured is kept for 72 hours, by the minute, or by the quarter of an hour where much
    happened. Money is counted with SMSQ_PRICE_PER_PART.

    JSON: {"since", "until", "speeds": [{"priority", "requested", "request_p50_s", "request_p95_s",
    "delivered", "delivered_p50_s", "delivered_p95_s"}], "requests": [{"endpoint", "outcome",
    "reason", "count"}], "answers": [{"endpoint", "count", "p50_s", "p95_s"}], "senders": [{"name",
    "delivered", "undelivered", "no_report", "share", "day_before"}], "countries", "receipts",
    "polls", "parts", "spent"}; the last two by priority, countries like senders.
    """
    if hours and is_today:
        raise click.UsageError("write --hours or --today")
    settings = Settings.from_env()
    redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
    try:
        with unavailable(redis, writes=False):
            scripts = Scripts.of(redis, settings)
            now = ledger_time(redis, scripts.keys)
            until_s = now.now_s + now.stepped_s
            since_s = _begin(until_s, hours, settings) if is_today or hours else until_s - _HOUR_S
            readings = Readings(scripts)
            total = add_up(readings.minutes(since_s, until_s).values())
            # The minute that both would share belongs to the later time.
            day = add_up(readings.minutes(since_s - _DAY_S, since_s - 60).values())
    finally:
        redis.close()
    document = describe(since_s, until_s, total, day)
    if as_json:
        print_json(document)
    else:
        _show(document, settings)


def _begin(until_s: float, hours: int | None, settings: Settings) -> float:
    if hours:
        return until_s - hours * _HOUR_S
    today = datetime.fromtimestamp(until_s, reader_zone(settings))
    return today.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def describe(since_s: float, until_s: float, total: Measures, day: Measures) -> dict[str, Any]:
    """Make the JSON document. Pure.

    Args:
        since_s: Where that time begins, in seconds since 1970.
        until_s: Where it ends.
        total: What was measured in it.
        day: The same of the 24 hours before it.
    """
    return {
        "since": datetime.fromtimestamp(since_s, UTC).isoformat(timespec="seconds"),
        "until": datetime.fromtimestamp(until_s, UTC).isoformat(timespec="seconds"),
        "speeds": [asdict(row) for row in list_speeds(total, map(str, PRIORITIES))],
        "requests": [asdict(row) for row in list_requests(total)],
        "answers": [asdict(row) for row in list_answers(total)],
        "senders": _describe_all(list_deliveries(total.final_by_sender, day.final_by_sender)),
        "countries": _describe_all(list_deliveries(total.final_by_country, day.final_by_country)),
        "receipts": dict(total.receipts),
        "polls": total.polls,
        "parts": dict(total.parts),
        "spent": {priority: round(spent, 6) for priority, spent in total.spent.items()},
    }


def _describe_all(rows: Sequence[Deliveries]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def _show(document: Mapping[str, Any], settings: Settings) -> None:
    zone = reader_zone(settings)
    since, until = (
        say_time(datetime.fromisoformat(document[end]), zone, "minutes")
        for end in ("since", "until")
    )
    click.echo(f"from {since} to {until}\n")
    speeds = [row for row in document["speeds"] if row["requested"] or row["delivered"]]
    if not speeds and not document["requests"]:
        click.echo("nothing was sent")
        return
    countries = [row | {"name": f"+{row['name']}"} for row in document["countries"]]
    share = ("delivered", "undelivered", "no report", "share", "day before")
    _print(("priority", "requests", "p50", "p95", "delivered", "p50", "p95"), speeds)
    _print(("endpoint", "outcome", "reason", "requests"), document["requests"])
    _print(("endpoint", "answers", "p50", "p95"), document["answers"])
    _print(("sender", *share), document["senders"])
    _print(("country", *share), countries)
    _print(("priority", "parts", "spent"), _list_costs(document["parts"], document["spent"]))


def _list_costs(parts: Mapping[str, int], spent: Mapping[str, float]) -> list[dict[str, Any]]:
    if not parts:
        return []
    rows = [
        {"priority": priority, "parts": number, "spent": spent.get(priority, 0.0)}
        for priority, number in parts.items()
    ]
    total = {"priority": "all", "parts": sum(parts.values()), "spent": sum(spent.values())}
    return [*rows, total]


def _print(headings: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    table = make_table(*headings)
    for row in rows:
        table.add_row(*(_say(name, value) for name, value in row.items()))
    make_console().print(table)
    click.echo()


def _say(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.endswith("_s"):
        return f"{value:,.0f} s" if value >= _LONG_S else f"{value:.2g} s"
    if name in {"share", "day_before"}:
        return f"{value:.0%}"
    if name == "spent":
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
