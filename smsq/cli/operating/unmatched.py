"""`smsq unmatched` and `smsq attach`: accepted jobs whose message ids nobody told.

In:  an operator's look, and an id. Out: jobs listed; the id, written down and polled for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from smsq.cli.operating.many_stuck import why_option
from smsq.cli.output import json_option, make_console, make_table, print_json, put, say_number
from smsq.cli.params import to_unicode
from smsq.cli.times import reader_zone, say_time
from smsq.operate.unmatched import UnmatchedJob, UnmatchedJobs
from smsq.records.jobs import UNMATCHED_S
from smsq.settings import Settings

_MOST_ID = 2**63 - 1


@click.command()
@click.option(
    "--min-age-s",
    type=click.FloatRange(min=0),
    default=UNMATCHED_S,
    show_default=True,
    help="Accepted at least so long ago.",
)
@json_option
def unmatched(min_age_s: float, *, as_json: bool) -> None:
    """List accepted jobs whose message id at the gateway is not known.

    Without the id, smsq cannot ask for delivery reports. Enter it with `smsq attach`.

    JSON: {"jobs": [{"id", "since", "uuid", "names", "receipts"}]}; names of the messages without an
    id, and how many raw receipts are kept.
    """
    with _open_unmatched_jobs() as unmatched_jobs:
        jobs = list(unmatched_jobs.list_unmatched(min_age_s=min_age_s))
    if as_json:
        print_json({"jobs": [_describe(job) for job in jobs]})
    elif jobs:
        _show(jobs)
    else:
        put("every accepted message has its id, or may still get one")


@click.command()
@click.argument("job_id", metavar="JOB", callback=to_unicode)
@click.argument("name", callback=to_unicode)
@click.argument("message_id", type=click.IntRange(1, _MOST_ID))
@click.option("--force", "is_forced", is_flag=True, help="Replace an id that is already known.")
@why_option
@json_option
def attach(
    job_id: str, name: str, message_id: int, why: str, *, is_forced: bool, as_json: bool
) -> None:
    """Enter the gateway's MESSAGE_ID of the message NAME of a job, and ask for its reports.

    NAME may be #1, #2, ... if several messages have the same name. Your name and --why are kept in
    the job's timeline. JSON: {"id", "name", "message_id", "more"}; more counts other ids that
    became known.
    """
    with _open_unmatched_jobs() as unmatched_jobs:
        more = unmatched_jobs.attach(job_id, name, message_id, why=why, is_forced=is_forced)
    if as_json:
        print_json({"id": job_id, "name": name, "message_id": message_id, "more": more})
        return
    put(f"message {name} of {job_id} is {message_id}, and will be polled")
    if more:
        put(f"stored receipts gave {say_number(more, 'more id')}")


@contextmanager
def _open_unmatched_jobs() -> Iterator[UnmatchedJobs]:
    unmatched_jobs = UnmatchedJobs.build(Settings.from_env())
    try:
        yield unmatched_jobs
    finally:
        unmatched_jobs.close()


def _show(jobs: list[UnmatchedJob]) -> None:
    zone = reader_zone(Settings.from_env())
    table = make_table("job", "since", "receipts", "messages without an id")
    for job in jobs:
        since = say_time(job.since, zone)
        table.add_row(job.id, since, str(job.receipts), ", ".join(job.names))
    make_console().print(table)


def _describe(job: UnmatchedJob) -> dict[str, Any]:
    return {
        "id": job.id,
        "since": job.since.isoformat(),
        "uuid": job.uuid,
        "names": list(job.names),
        "receipts": job.receipts,
    }
