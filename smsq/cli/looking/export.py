"""`smsq export`: the ledger for the accountants.

In:  a span of time. Out: CSV or JSON lines on stdout, row by row.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import click

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.cli.output import json_option, print_spooled
from smsq.cli.params import to_start
from smsq.cli.terminal import open_stdout_as_file
from smsq.cli.times import in_zone, reader_zone
from smsq.settings import Settings
from smsq.status.export import MESSAGE_COLUMNS, RECIPIENT_COLUMNS, Exporter, Row, Selection
from smsq.store.connection import WORKER_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts
from smsq.text.shown import show_cell


@click.command()
@click.option("--since", required=True, callback=to_start, help="Queued at this time or later.")
@click.option("--until", callback=to_start, help="Queued before this time.  [now]")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "jsonl", "raw"]),
    default="csv",
    show_default=True,
    help="CSV, one JSON object a line, or a CSV for programs, with formulas as they stand.",
)
@click.option("--recipients", "with_recipients", is_flag=True, help="One row per recipient.")
@click.option("--full-phones", is_flag=True, help="Phones in full, not masked.")
@json_option
def export(
    since: datetime,
    until: datetime | None,
    format_: str,
    *,
    with_recipients: bool,
    full_phones: bool,
    as_json: bool,
) -> None:
    """Export what was sent: one row per message, or per recipient.

    Finished jobs are deleted after SMSQ_RETENTION_S: export them before. Times in the rows are in
    UTC; --since and --until are read in SMSQ_TIMEZONE unless they have an offset. Rows are not
    sorted. A CSV's tags are divided by semicolons, and a cell that a spreadsheet would take for a
    formula begins with '. JSON: {"rows": [...]}, all in one document.
    """
    settings = Settings.from_env()
    zone = reader_zone(settings)
    selection = Selection(
        since=in_zone(since, zone),
        until=in_zone(until, zone) if until else None,
        full_phones=full_phones,
    )
    redis = connect(settings.redis_url, timeout_s=WORKER_TIMEOUT_S)
    scripts = Scripts.of(redis, settings)
    exporter = Exporter(redis, scripts.keys)
    rows = exporter.recipients(selection) if with_recipients else exporter.messages(selection)
    try:
        with unavailable(redis, writes=False):
            if full_phones:
                Audit(scripts).record(None, Act.EXPORT, detail=_say(selection))
            if as_json:
                print_spooled({}, "rows", rows)
            elif format_ == "jsonl":
                _print_lines(rows)
            else:
                columns = RECIPIENT_COLUMNS if with_recipients else MESSAGE_COLUMNS
                _print_csv(rows if format_ == "raw" else map(_show, rows), columns)
    finally:
        redis.close()


def _say(selection: Selection) -> str:
    """Say which span is read, for the audit trail."""
    since, until = (
        moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""
        for moment in (selection.since, selection.until)
    )
    return f"full phones, since {since}" + (f", until {until}" if until else "")


def _print_lines(rows: Iterator[Row]) -> None:
    for row in rows:
        click.echo(json.dumps(row))


def _show(row: Row) -> Row:
    tags = [show_cell(tag) for tag in row["tags"]]
    return {n: show_cell(v) if isinstance(v, str) else v for n, v in row.items()} | {"tags": tags}


def _print_csv(rows: Iterator[Row], columns: Sequence[str]) -> None:
    stream = open_stdout_as_file()
    table = csv.DictWriter(stream, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(row | {"tags": ";".join(row["tags"])} for row in rows)
    stream.flush()
