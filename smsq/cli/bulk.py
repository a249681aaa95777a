"""`smsq send-bulk`: a campaign from a CSV file, row by row, whatever its size.

In:  a CSV file or stdin. Out: the campaign's id; rows that cannot be sent in a file of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from smsq.campaign import CampaignDraft
from smsq.cli.brakes import max_failed_option
from smsq.cli.load import Loader
from smsq.cli.output import Exit, is_terminal, json_option, open_queue, print_json, say_number
from smsq.cli.params import read_text, to_moment, to_unicode
from smsq.cli.progress import show_progress
from smsq.cli.rejects import Rejects, no_row_error
from smsq.cli.rows import Table
from smsq.cli.send import alphaname_option, key_option, on_unknown_option
from smsq.errors import InvalidMessageError
from smsq.intake import Intake
from smsq.jobs import Stored
from smsq.models import BulkMessage, MessageRequest, PersonalMessage
from smsq.queue import SmsQueue


@click.command()
@click.argument("file", metavar="FILE.csv|-")
@click.option(
    "--name", callback=to_unicode, required=True, help="What the gateway calls it in its pages."
)
@click.option("--text", callback=to_unicode, help="One text for all; - reads it from stdin.")
@click.option(
    "--text-column", callback=to_unicode, metavar="C", help="Where each row's text is.  [text]"
)
@click.option(
    "--phone-column", callback=to_unicode, metavar="C", default="phone", show_default=True
)
@click.option("--schedule", callback=to_moment, metavar="ISO", help="When the gateway shall send.")
@key_option
@click.option("--canary", type=int, metavar="N", help="Send the first N, then wait for reports.")
@max_failed_option
@click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="For rows that cannot be sent.  [FILE.rejects.csv]")  # fmt: skip
@alphaname_option
@on_unknown_option
@json_option
def send_bulk(file: str, *, as_json: bool, **options: Any) -> None:
    """Enqueue a campaign from a CSV file with a header.

    UTF-8 or cp1251; comma, semicolon or tab. Rows that cannot be sent go to the rejects file with
    line, column and reason: mend them there and send that file (with another --key). A phone that
    stands twice gets the first of its texts. When no row can be sent, nothing is stored.

    JSON: {"id", "jobs", "recipients", "rejected", "duplicates"}. Exit code 5: some were rejected.
    """
    message = _make_message(file, options)
    rejects_path = _choose_rejects(file, options["rejects"])
    with open_queue() as queue, open_table(file) as (table, size):
        head = Intake(queue.settings, datetime.now(UTC)).check_head(message)
        wanted = {name: options[name] for name in ("on_unknown", "canary", "max_failed")}
        draft = queue.draft_campaign(**wanted)
        with Rejects(rejects_path, table) as rejects:
            loader = _make_loader(queue, table, head, options, rejects)
            _load(queue, draft, loader, size if is_terminal() and not as_json else None)
        if not draft.recipients:
            raise no_row_error(table, rejects)
        stored, campaign_id = queue.commit_campaign(draft, key=options["key"])
    result = {
        "id": campaign_id,
        "jobs": len(draft.job_ids),
        "recipients": draft.recipients,
        "rejected": rejects.count,
        "duplicates": loader.duplicates,
    }
    print_json(result) if as_json else _tell(result, stored, rejects)
    if rejects.count:
        raise click.exceptions.Exit(Exit.SOME_REJECTED)


@contextmanager
def open_table(file: str) -> Iterator[tuple[Table, int]]:
    """Open a CSV file, or stdin as `-`; with its size in bytes, 0 when that is not known.

    Raises:
        InvalidMessageError: It cannot be read.
    """
    if file == "-":
        yield Table(sys.stdin.buffer, "stdin"), 0
        return
    try:
        stream: BinaryIO = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        why = f"{file}: cannot be read ({error.strerror}): name a CSV file"
        raise InvalidMessageError([why]) from None
    with stream:
        yield Table(stream, file), os.fstat(stream.fileno()).st_size


def _make_message(file: str, options: dict[str, Any]) -> BulkMessage | PersonalMessage:
    text, name = options["text"], options["name"]
    shared = {"alphaname_id": options["alphaname_id"], "schedule_time": options["schedule"]}
    if text is None:
        return PersonalMessage(name=name, texts=[], **shared)
    if options["text_column"] is not None:
        raise click.UsageError("--text and --text-column: write one of them")
    if file == text == "-":
        raise click.UsageError("FILE - and --text -: only one of them can come from stdin")
    return BulkMessage(name=name, text=read_text(text), phones=[], **shared)


def _choose_rejects(file: str, wanted: Path | None) -> Path:
    beside = f"{file.removesuffix('.csv')}.rejects.csv"
    path = wanted or Path("rejects.csv" if file == "-" else beside)
    if file != "-" and path.resolve() == Path(file).resolve():
        raise click.UsageError("--rejects is the file itself: name another one")
    return path


def _make_loader(
    queue: SmsQueue, table: Table, head: MessageRequest, options: dict[str, Any], rejects: Rejects
) -> Loader:
    wanted = {"--phone-column": options["phone_column"]}
    if head.text is None:
        wanted["--text-column (or one --text for all)"] = options["text_column"] or "text"
    phone_column, *text_column = table.find_columns(wanted)
    return Loader(
        intake=Intake(queue.settings, datetime.now(UTC)),
        table=table,
        head=head,
        phone_column=phone_column,
        text_column=text_column[0] if text_column else None,
        rejects=rejects,
    )


def _load(queue: SmsQueue, draft: CampaignDraft, loader: Loader, size: int | None) -> None:
    """Stage every good row; nothing is live before the commit."""
    with queue.redis_call(writes=False):
        steps = loader.load(draft)
        for _ in steps if size is None else show_progress(steps, loader.table, size):
            pass


def _tell(result: dict[str, Any], stored: Stored, rejects: Rejects) -> None:
    if stored is Stored.SAME:
        click.echo(f"{result['id']} has this key already, with the same content")
    else:
        recipients = say_number(result["recipients"], "recipient")
        click.echo(
            f"{result['id']}: {recipients} in {say_number(result['jobs'], 'job')}; "
            f"smsq watch {result['id']} shows what becomes of them"
        )
    if duplicates := result["duplicates"]:
        click.echo(f"{say_number(duplicates, 'row')} left out: a phone twice", err=True)
    if rejects.count:
        for mistake in rejects.shown:
            click.echo(mistake, err=True)
        rows = say_number(rejects.count, "row")
        click.echo(f"{rows} rejected: mend {rejects.path} and send that file", err=True)
