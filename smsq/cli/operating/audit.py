"""`smsq audit`: who did what, and whether the trail is whole.

In:  filters; a head that was noted earlier. Out: entries, the newest first; or what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.audit.chain import Entry, Verdict
from smsq.cli.output import Exit, json_option, make_console, make_table, print_json, put
from smsq.cli.params import to_start
from smsq.cli.times import in_zone, reader_zone, say_time
from smsq.settings import Settings
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts

_MOST = 100_000


@click.command()
@click.option("--by", default=None, help="Only of this person: a name, with or without its host.")
@click.option(
    "--act",
    type=click.Choice([*Act]),
    metavar="ACT",
    default=None,
    help="Only these acts, as the list shows them: pause, cancel, export.",
)
@click.option("--since", callback=to_start, help="Only at this time or later.")
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST),
    default=50,
    show_default=True,
    help="How many at most.",
)
@click.option("--verify", is_flag=True, help="Look whether an entry is gone or was changed.")
@click.option("--head", default=None, help="With --verify: a head that you noted earlier.")
@json_option
def audit(
    since: datetime | None, head: str | None, *, verify: bool, as_json: bool, **filters: Any
) -> None:
    """Show who paused, resumed, cancelled, resent, exported, ... the newest first.

    Entries are kept for a year. Each holds a digest of the one before. --verify looks through all
    of them and prints the newest's head: note it elsewhere, for whoever can write to Redis could
    write the whole trail anew. With --head it must still be there. Exit code 1: something is wrong.

    --since is read in SMSQ_TIMEZONE unless it has an offset.

    JSON: {"entries": [{"id", "at", "by", "act", "target", "detail"}]}; with --verify {"entries": n,
    "head", "first_at", "whole", "problem"}.
    """
    if head and not verify:
        raise click.UsageError("--head goes with --verify")
    if since:
        since = in_zone(since, reader_zone(Settings.from_env()))
    with _open() as trail:
        if verify:
            _tell(trail.verify(head), as_json=as_json)
        else:
            _list(trail.read(since=since, **filters), as_json=as_json)


def _list(entries: list[Entry], *, as_json: bool) -> None:
    if as_json:
        print_json({"entries": [_describe(entry) for entry in entries]})
        return
    if not entries:
        click.echo("nothing is written down")
        return
    zone = reader_zone(Settings.from_env())
    table = make_table("at", "by", "act", "on", "detail")
    for one in entries:
        table.add_row(say_time(one.at, zone), one.by, one.act, one.target, one.detail)
    make_console().print(table)


def _describe(entry: Entry) -> dict[str, str]:
    names = ("id", "by", "act", "target", "detail")
    return {"at": entry.at.isoformat(), **{name: getattr(entry, name) for name in names}}


def _tell(found: Verdict, *, as_json: bool) -> None:
    if as_json:
        first_at = found.first_at.isoformat() if found.first_at else None
        told = {"entries": found.entries, "head": found.head, "first_at": first_at}
        print_json({**told, "whole": found.is_whole, "problem": found.problem})
    elif found.is_whole:
        click.echo(f"{found.entries:,} entries, all there and as they were written")
        put(f"head {found.head or 'none yet'}")
    else:
        put(f"smsq: the trail is not whole: {found.problem}", err=True)
    if not found.is_whole:
        raise click.exceptions.Exit(Exit.FAILED)


@contextmanager
def _open() -> Iterator[Audit]:
    settings = Settings.from_env()
    redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
    try:
        with unavailable(redis, writes=False):
            yield Audit(Scripts.of(redis, settings))
    finally:
        redis.close()
