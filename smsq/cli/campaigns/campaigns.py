"""`smsq campaigns` and `smsq failed`: how campaigns stand, and whom they did not reach.

In:  a number, or an id and a file. Out: a table; a CSV file that `smsq send-bulk` takes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import tzinfo
from typing import Any, TextIO

import click

from smsq.cli.campaigns.brakes import describe_brake
from smsq.cli.files.private_files import open_private
from smsq.cli.output import json_option, open_queue, print_json, put, say_number
from smsq.cli.params import to_unicode
from smsq.cli.times import reader_zone, say_time
from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError
from smsq.status.failed import FailedReader
from smsq.status.status import Campaign
from smsq.text.phones import write_phone


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="How many at most.",
)
@json_option
def campaigns(limit: int, *, as_json: bool) -> None:
    """List campaigns and their progress, the newest first.

    JSON: {"campaigns": [{"id", "name", "state", "brake", "created_at", "recipients", "counts",
    "unsent", "progress", "jobs"}]}; unsent counts undelivered recipients whose jobs ended without
    being sent, per state of the job; progress is the share of recipients whose state is final.
    """
    with open_queue() as queue:
        found = queue.campaigns(limit=limit)
        zone = reader_zone(queue.settings)
    if as_json:
        print_json({"campaigns": [_describe(one) for one in found]})
    elif not found:
        put("no campaigns")
    else:
        _show(found, zone)


def _describe(found: Campaign) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "state": found.state,
        "brake": describe_brake(found.brake),
        "created_at": found.created_at.isoformat(),
        "recipients": found.recipients,
        "counts": found.counts,
        "unsent": found.unsent,
        "progress": round(found.progress, 4),
        "jobs": found.jobs,
    }


def _show(found: list[Campaign], zone: tzinfo) -> None:
    """Show a line per campaign, and one below it for what holds it up."""
    put(_LINE.format("campaign", "enqueued", "state", "recipients", "settled", "name"))
    for one in found:
        enqueued = say_time(one.created_at, zone, "minutes")
        numbers = (f"{one.recipients:,}", f"{one.progress:.0%}")
        put(_LINE.format(one.id, enqueued, one.state, *numbers, one.name))
        if one.brake:
            put(f"  {one.brake.state}: {one.brake.why}")


_LINE = "{:<17}  {:<22}  {:<10}  {:>10}  {:>7}  {}"


@click.command()
@click.argument("some_id", metavar="ID", callback=to_unicode)
@click.argument("file", metavar="FILE.csv|-")
@click.option("--cancelled", is_flag=True, help="Add those of cancelled jobs.")
@click.option("--no-report", is_flag=True, help="Add those without a report; some may have got it.")
@json_option
def failed(some_id: str, file: str, *, cancelled: bool, no_report: bool, as_json: bool) -> None:
    """Write the recipients who got nothing to a CSV file, to send to them again.

    These are the undelivered ones, and those of jobs that were rejected, dead or expired; never one
    whose message may have been accepted. Recipients without a report may have got it: they are left
    out unless you add --no-report. Those of dead jobs that can be retried are left out too.
    The file has full phones, and only you can read it.

    Personal texts are written to a column `text`, if they are still stored: a text is deleted once
    the gateway has accepted it, unless SMSQ_KEEP_TEXTS=1.

    JSON: {"id", "file", "recipients", "has_texts", "texts_gone"}; if some have no report, also
    "no_report": how many, in the file or not; if dead jobs are left out, "retryable": their
    recipients.
    """
    if file == "-" and as_json:
        raise click.UsageError("- and --json both write to stdout: name a file")
    with open_queue() as queue:
        options = {"cancelled": cancelled, "no_report": no_report, "whole_job": True}
        reader = queue.failed(some_id, by=who_am_i(), **options)
        with queue._producer.call(writes=False), _create(file) as stream:
            count = _write(reader, stream)
    if as_json:
        told = {"has_texts": reader.has_texts, "texts_gone": reader.are_texts_gone}
        silent = {"no_report": reader.no_report, "retryable": reader.retryable}
        silent = {what: number for what, number in silent.items() if number}
        print_json({"id": some_id, "file": file, "recipients": count, **told, **silent})
    else:
        put(_say(reader, count, file), err=file == "-")
        if reader.no_report:
            put(_say_silent(reader.no_report, are_written=no_report), err=True)
        if reader.retryable:
            put(_say_retryable(reader.retryable), err=True)


def _write(reader: FailedReader, stream: TextIO) -> int:
    writer, count = csv.writer(stream, lineterminator="\n"), 0
    writer.writerow(["phone", "text"] if reader.has_texts else ["phone"])
    for phone, text in reader:
        # A spreadsheet takes digits alone for a number, and rounds it.
        written = write_phone(phone)
        writer.writerow([written, text] if reader.has_texts else [written])
        count += 1
    return count


def _say(reader: FailedReader, count: int, file: str) -> str:
    told = f"{say_number(count, 'recipient')} written to {'stdout' if file == '-' else file}"
    if not count:
        return told if reader.retryable else f"{told}: nobody failed"
    if reader.has_texts:
        return f"{told}, with their texts: smsq send-bulk {file} --name ..."
    gone = "; their texts are forgotten (SMSQ_KEEP_TEXTS=0)" if reader.are_texts_gone else ""
    return f"{told}{gone}: smsq send-bulk {file} --name ... --text ..."


def _say_silent(count: int, *, are_written: bool) -> str:
    told = f"{say_number(count, 'recipient')} without a report"
    if are_written:
        return f"{told} among them: who got it already gets it again"
    return f"{told} left out: they may have got it; --no-report adds them"


def _say_retryable(count: int) -> str:
    told = f"{say_number(count, 'recipient')} of dead jobs left out"
    return f"{told}: smsq dead retry sends to them (smsq dead list)"


@contextmanager
def _create(file: str) -> Iterator[TextIO]:
    """Open a file that only its owner can read; an older one is replaced."""
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open_private(file))
        except OSError as error:
            why = f"{file} cannot be written ({error.strerror}): name another file"
            raise InvalidMessageError([why]) from None
        yield stream
