"""`smsq reconcile`: the provider's bill beside what was sent.

In:  a CSV file of the provider. Out: a line for each difference, and how many of each kind.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation

import click

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.cli.files.csv_rows import Table
from smsq.cli.files.opening import open_input
from smsq.cli.output import Exit, json_option, print_spooled, put
from smsq.cli.params import to_start
from smsq.cli.terminal import open_stdout_as_file
from smsq.cli.times import in_zone, reader_zone
from smsq.errors import InvalidMessageError
from smsq.operate.bill import Bill, Billed, Difference
from smsq.settings import Settings
from smsq.status.export import Exporter, Selection
from smsq.store.connection import WORKER_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts
from smsq.text.phones import normalize_phone

_COLUMNS = ("what", "line", "job", "message_id", "phone", "billed", "expected")


@click.command()
@click.argument("file")
@click.option("--since", required=True, callback=to_start, help="Messages queued then or later.")
@click.option("--until", callback=to_start, help="Messages queued before then.  [now]")
@click.option("--phone-column", default="phone", show_default=True, help="Its name in the header.")
@click.option("--id-column", help="Of the gateway's message id.  [rows are matched by phone]")
@click.option("--parts-column", help="Of the parts of each message.  [not compared]")
@click.option("--price-column", help="Of the price of each message.  [not compared]")
@click.option("--encoding", help="Of the file.  [found out]")
@json_option
def reconcile(
    file: str,
    since: datetime,
    until: datetime | None,
    encoding: str | None,
    *,
    as_json: bool,
    **columns: str | None,
) -> None:
    """Compare the provider's bill, a CSV FILE with a row for each message, with what was sent.

    A line of CSV for each difference: billed but not ours, ours but not billed, billed twice, other
    parts, another price than SMSQ_PRICE_PER_PART makes. Phones are masked; `line` is that of FILE.
    Messages whose outcome is unknown may be on the bill or not. Finished jobs are deleted after
    SMSQ_RETENTION_S: compare before. Exit code 5: there are differences.

    JSON: {"billed", "ours", "counts": {what: n}, "differences": [...]}, a row as in the CSV.
    """
    settings = Settings.from_env()
    zone = reader_zone(settings)
    end = in_zone(until, zone) if until else None
    selection = Selection(since=in_zone(since, zone), until=end, full_phones=True)
    named = [(f"--{n.replace('_', '-')}", name) for n, name in columns.items() if name]
    with closing(Bill(settings.price_per_part if columns["price_column"] else None)) as bill:
        with open_input(file, wanted="a CSV file", encoding=encoding) as found:
            table = Table(found.stream, found.name, found.encoding, found.delimiter)
            billed = bill.add_billed(_read(table, named, settings.default_region))
        ours = _add_ours(bill, settings, selection)
        counts: Counter[str] = Counter()
        differences = _count(bill.compare(), counts)
        if as_json:
            rows = [_describe(one) for one in differences]
            print_spooled({"billed": billed, "ours": ours, "counts": counts}, "differences", rows)
        else:
            _print_csv(differences)
            told = ", ".join(f"{n} {what}" for what, n in counts.items()) or "no differences"
            put(f"{billed:,} billed, {ours:,} of ours: {told}", err=True)
    if counts:
        raise click.exceptions.Exit(Exit.SOME_REJECTED)


def _add_ours(bill: Bill, settings: Settings, selection: Selection) -> int:
    redis = connect(settings.redis_url, timeout_s=WORKER_TIMEOUT_S)
    try:
        with unavailable(redis, writes=False):
            scripts = Scripts.of(redis, settings)
            Audit(scripts).record(None, Act.EXPORT, detail="to compare with a bill")
            return bill.add_ours(Exporter(redis, scripts.keys).recipients(selection))
    finally:
        redis.close()


def _read(table: Table, columns: list[tuple[str, str]], region: str) -> Iterator[Billed]:
    places = dict(zip([o for o, _ in columns], table.find_columns(columns), strict=True))
    for row in table.rows():
        cells = {option: row.cells[place].strip() for option, place in places.items()}
        written = cells["--phone-column"]
        # A number that is none can only be not ours; which one is said by the line.
        phone = normalize_phone(written, region, accept_unknown=True)
        numbers = {
            option: _to_number(row.line, option, cells.get(option, ""))
            for option in ("--id-column", "--parts-column", "--price-column")
        }
        message_id, parts, price = numbers.values()
        yield Billed(
            row.line,
            phone or "".join(c for c in written if c.isdigit()),
            None if message_id is None else int(message_id),
            None if parts is None else int(parts),
            price,
        )


def _to_number(line: int, option: str, cell: str) -> Decimal | None:
    written = cell.replace("\u00a0", "").replace(" ", "").replace(",", ".")
    if not written:
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number) >= 2**62:
        raise InvalidMessageError([f"line {line}: {option} has no number there: correct the file"])
    return number


def _count(differences: Iterator[Difference], counts: Counter[str]) -> Iterator[Difference]:
    for one in differences:
        counts[one.what] += 1
        yield one


def _describe(one: Difference) -> dict[str, object]:
    return {**{name: asdict(one)[name] for name in _COLUMNS}, "what": str(one.what)}


def _print_csv(differences: Iterator[Difference]) -> None:
    stream = open_stdout_as_file()
    table = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(map(_describe, differences))
    stream.flush()
