"""`smsq send-bulk`: a campaign from a CSV file, row by row, whatever its size.

In:  a CSV file or stdin. Out: the campaign's id; rows that cannot be sent in a file of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from smsq.campaigns.draft import CampaignDraft
from smsq.cli.campaigns.brakes import max_failed_option
from smsq.cli.campaigns.bulk_input import BulkInput, open_table, read_input
from smsq.cli.campaigns.dry_run import DryRun, say_encoding
from smsq.cli.campaigns.estimate import Caps, Estimate
from smsq.cli.campaigns.fill_draft import Loader
from smsq.cli.files.csv_rows import Table
from smsq.cli.files.opening import encoding_option, sheet_option
from smsq.cli.files.private_files import STDOUT
from smsq.cli.files.progress import show_progress
from smsq.cli.files.rejects import Rejects, no_row_error
from smsq.cli.output import Exit, is_terminal, json_option, open_queue, print_json, put, say_number
from smsq.cli.params import to_moment, to_price, to_unicode
from smsq.cli.sending.send_quick import (
    again_option,
    alphaname_option,
    key_option,
    on_unknown_option,
    reference_option,
    say_repeated,
    tag_option,
)
from smsq.errors import InvalidMessageError
from smsq.intake.intake import Filled
from smsq.ledger.stored_id import StoredId
from smsq.queue import SmsQueue


@click.command()
@click.argument("file", metavar="FILE.csv|-")
@click.option(
    "--name", callback=to_unicode, required=True, help="Name of the campaign at the gateway."
)
@click.option("--text", callback=to_unicode, metavar="T",
              help='Text for all; columns in braces: "Dear {name}"; - reads stdin.')  # fmt: skip
@click.option(
    "--text-column",
    callback=to_unicode,
    metavar="C",
    help="Column with each row's own text.  [text]",
)
@click.option("--literal-braces", is_flag=True,
              help="Send {{name}}, ${name} and [name] as they are written.")  # fmt: skip
@click.option(
    "--phone-column",
    callback=to_unicode,
    metavar="C",
    default="phone",
    show_default=True,
    help="Column with the phones.",
)
@click.option(
    "--schedule", callback=to_moment, metavar="ISO", help="When the gateway sends it.  [now]"
)
@encoding_option
@sheet_option
@key_option
@again_option
@reference_option
@click.option(
    "--reference-column",
    callback=to_unicode,
    metavar="C",
    help="Column with a reference of each row's own.",
)
@tag_option
@click.option(
    "--canary",
    type=int,
    metavar="N",
    help="Send to the first N, then wait for their delivery reports.",
)
@max_failed_option
@click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where rows that cannot be sent are written.  [FILE.rejects.csv]")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only count parts and price; store nothing.")
@click.option("--max-parts", type=click.IntRange(1), metavar="N", help="Refuse it above N parts.")
@click.option("--max-price", callback=to_price, metavar="X",
              help="Refuse it above X, at SMSQ_PRICE_PER_PART.")  # fmt: skip
@alphaname_option
@on_unknown_option
@json_option
def send_bulk(file: str, *, as_json: bool, dry_run: bool, **options: Any) -> None:
    """Send a campaign: a file with a header and one row per phone.

    The file is CSV (UTF-8, cp1251 or --encoding; commas, semicolons or tabs) or a workbook. Rows
    that cannot be sent are written to the rejects file with line, column and reason: correct them
    there and send that file with another --key. A phone that occurs twice gets the first of its
    texts. If no row can be sent, nothing is stored.

    With a --key, an interrupted run continues where it stopped when you repeat the command. If the
    key belongs to a finished campaign, nothing more is sent; --again sends again a campaign that
    ended before anything was sent.

    JSON: {"id", "jobs", "recipients", "rejected", "duplicates"}. Exit code 5: some were rejected.
    With --dry-run: {"dry_run", "rows", "invalid", "duplicates", "recipients", "parts", "price",
    "requests", "rate_per_s", "hours", "ucs2": {"rows", "characters"}, "refused", "encoding",
    "first_text"}.
    """
    wanted = read_input(file, {**options, "as_json": as_json})
    with open_queue() as queue:
        caps = _read_caps(queue, options)
        run = _dry_run if dry_run else _send
        rejected = run(queue, wanted, caps, as_json=as_json)
    if rejected:
        raise click.exceptions.Exit(Exit.SOME_REJECTED)


def _send(queue: SmsQueue, wanted: BulkInput, caps: Caps, *, as_json: bool) -> int:
    with open_table(wanted.file, wanted.encoding, wanted.sheet) as (table, size):
        head = wanted.check_head(queue.settings)
        draft = queue._bulk.draft(**wanted.options)
        estimate = Estimate(draft) if caps.are_set else None
        with Rejects(wanted.rejects_path, table) as rejects:
            loader = wanted.make_loader(queue.settings, table, head, rejects)
            if draft.resumed:
                recipients = say_number(draft.resumed, "recipient")
                put(f"going on where it stopped: {recipients} staged before", err=True)
            with (
                queue._producer.call(writes=False),
                _tell_interrupted(wanted.key),
                _forget_garbled(draft, table),
            ):
                _load(loader, estimate or draft, size if is_terminal() and not as_json else None)
        if not draft.recipients:
            raise no_row_error(table, rejects)
        if passed := caps.find_passed(estimate.parts) if estimate else []:
            with queue._producer.call(writes=False):
                draft.discard()
            raise InvalidMessageError([f"{why}: raise it, or send less" for why in passed])
        stored = queue._bulk.commit(draft)
    result = {
        "id": stored,
        "jobs": draft.jobs,
        "recipients": draft.recipients,
        "rejected": rejects.count,
        "duplicates": loader.duplicates,
    }
    if table.lines.is_guessed:
        put(f"read as {say_encoding(table)}", err=True)
    print_json(result) if as_json else _tell(result, stored, rejects)
    return rejects.count


def _dry_run(queue: SmsQueue, wanted: BulkInput, caps: Caps, *, as_json: bool) -> int:
    with open_table(wanted.file, wanted.encoding, wanted.sheet) as (table, size):
        head = wanted.check_head(queue.settings)
        rejects = Rejects(None, table)
        loader = wanted.make_loader(queue.settings, table, head, rejects)
        dry = DryRun(queue, caps)
        with queue._producer.call(writes=False):
            _load(loader, dry.estimate, size if is_terminal() and not as_json else None)
    told = dry.finish(loader)
    dry.put(told, loader, as_json=as_json)
    if told["refused"]:
        raise click.exceptions.Exit(Exit.BAD_INPUT)
    return rejects.count


def _load(loader: Loader, into: Filled, size: int | None) -> None:
    """Read every row; nothing is live before the commit."""
    steps = loader.load(into)
    for _ in steps if size is None else show_progress(steps, loader.table, size):
        pass


@contextmanager
def _tell_interrupted(key: str | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        how = "the same command goes on here" if key else "with a --key it could have gone on here"
        put(f"\nsmsq: interrupted: nothing is sent; {how}", err=True)
        raise


@contextmanager
def _forget_garbled(draft: CampaignDraft, table: Table) -> Iterator[None]:
    """Take away what was staged in a wrong encoding: the mended file must not conflict with it."""
    try:
        yield
    except InvalidMessageError:
        if table.lines.is_refuted:
            draft.discard()
        raise


def _read_caps(queue: SmsQueue, options: dict[str, Any]) -> Caps:
    each: Decimal | None = queue.settings.price_per_part
    if options["max_price"] is not None and each is None:
        raise click.UsageError("--max-price needs a price: set SMSQ_PRICE_PER_PART")
    return Caps(parts=options["max_parts"], price=options["max_price"], price_per_part=each)


def _tell(result: dict[str, Any], stored: StoredId, rejects: Rejects) -> None:
    if not stored.is_new:
        put(f"{stored} {say_repeated(stored)}", err=str(rejects.path) == STDOUT)
    else:
        recipients = say_number(result["recipients"], "recipient")
        put(
            f"{result['id']}: {recipients} in {say_number(result['jobs'], 'job')}; "
            f"smsq watch {result['id']} shows what becomes of them",
            err=str(rejects.path) == STDOUT,
        )
    if duplicates := result["duplicates"]:
        put(f"{say_number(duplicates, 'row')} left out: a phone twice", err=True)
    if rejects.count:
        for mistake in rejects.shown:
            put(mistake, err=True)
        rows = say_number(rejects.count, "row")
        put(f"{rows} rejected: correct {rejects.path} and send that file", err=True)
