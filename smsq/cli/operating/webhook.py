"""`smsq webhook`: news that the receiver did not take.

In:  an operator's wish. Out: what waits and what was given up; posted again, or on, when asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from rich.table import Table

from smsq.cli.output import json_option, make_console, make_table, print_json
from smsq.cli.params import to_unicode
from smsq.cli.times import reader_zone, say_time
from smsq.events.webhooks import DeadDelivery, Webhooks
from smsq.settings import Settings
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts


@click.group()
def webhook() -> None:
    """List and replay webhook deliveries that your receiver did not accept.

    A delivery is tried for a day. After that it is kept for a week (the newest thousand), and you
    can replay it.
    """


@webhook.command("list")
@json_option
def list_deliveries(*, as_json: bool) -> None:
    """List failed deliveries, and say whether your receiver wants no posts (it answered 410).

    JSON: {"waiting": n, "ended_since": null, "dead": [{"id", "since", "events", ...}]}.
    """
    with _open_webhooks(writes=False) as webhooks:
        waiting, dead, ended_at = webhooks.count_waiting(), webhooks.dead(), webhooks.ended_at()
    if as_json:
        rows = [
            {
                "id": one.id,
                "since": one.since.isoformat(),
                "events": one.size,
                "attempts": one.attempts,
                "error": one.error,
            }
            for one in dead
        ]
        ended_since = ended_at.isoformat() if ended_at else None
        print_json({"waiting": waiting, "ended_since": ended_since, "dead": rows})
        return
    click.echo(f"waiting: {waiting:,}; failed: {len(dead):,}")
    if ended_at:
        since = say_time(ended_at, reader_zone(Settings.from_env()))
        click.echo(f"your receiver answered 410 at {since}: nothing is posted. smsq webhook resume")
    if dead:
        make_console().print(_make_table(dead))


def _to_ids(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> Sequence[str]:
    return [to_unicode(context, parameter, value) or "" for value in values]


@webhook.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, callback=_to_ids)
@click.option("--all", "is_all", is_flag=True, help="All failed deliveries.")
@json_option
def replay(ids: Sequence[str], *, is_all: bool, as_json: bool) -> None:
    """Post failed deliveries again, for another day. JSON: {"replayed": n}."""
    replayed = 0
    if bool(ids) == is_all:
        raise click.UsageError("write ids, or --all")
    with _open_webhooks(writes=True) as webhooks:
        for delivery_id in ids or [one.id for one in webhooks.dead()]:
            webhooks.replay(delivery_id)
            replayed += 1
    if as_json:
        print_json({"replayed": replayed})
    else:
        click.echo(f"{replayed} to be posted again")


@webhook.command()
@json_option
def resume(*, as_json: bool) -> None:
    """Post again to a receiver that answered 410, or asked for a pause. JSON: {"resumed": bool}."""
    with _open_webhooks(writes=True) as webhooks:
        resumed = webhooks.resume()
    if as_json:
        print_json({"resumed": resumed})
    else:
        click.echo("events are posted again" if resumed else "nothing was held up")


def _make_table(dead: Sequence[DeadDelivery]) -> Table:
    zone = reader_zone(Settings.from_env())
    table = make_table("failed", "since", "events", "attempts", "last error")
    for one in dead:
        since = say_time(one.since, zone)
        table.add_row(one.id, since, str(one.size), str(one.attempts), one.error)
    return table


@contextmanager
def _open_webhooks(*, writes: bool) -> Iterator[Webhooks]:
    settings = Settings.from_env()
    redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
    try:
        with unavailable(redis, writes=writes, in_pieces=writes):
            yield Webhooks(Scripts.of(redis, settings))
    finally:
        redis.close()
