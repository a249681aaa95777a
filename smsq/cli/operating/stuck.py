"""`smsq unknown` and `smsq dead`: jobs that nothing moves on by itself.

In:  an operator's decisions. Out: jobs listed, sent again, settled; who and why in their timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Any

import click

from smsq.cli.looking.why import why as why_command
from smsq.cli.operating.many_stuck import apply_to_each, open_stuck_jobs, tell, why_option
from smsq.cli.operating.settle_all import settle_all
from smsq.cli.output import json_option, make_console, make_table, print_json, put
from smsq.cli.params import to_unicode
from smsq.cli.times import reader_zone, say_time
from smsq.models import JobState, Settlement
from smsq.operate.stuck_job import Rule, StuckJob
from smsq.settings import Settings

#: Dead jobs put back per second by `dead retry` unless told otherwise.
RETRY_PER_S = 50.0


@click.group()
def unknown() -> None:
    """Decide on jobs that the gateway may or may not have accepted.

    smsq does not send them again by itself, because the phone could get the SMS twice. A receipt or
    a report of the gateway decides; without one, you do.
    """


@unknown.command("list")
@json_option
def list_unknown(*, as_json: bool) -> None:
    """List unknown jobs. JSON: {"jobs": [{"id", "kind", "since", "attempts", "error", ...}]}."""
    _list(JobState.UNKNOWN, None, as_json=as_json)


@unknown.command()
@click.argument("job_id", metavar="ID", callback=to_unicode)
@why_option
@json_option
def resend(job_id: str, why: str, *, as_json: bool) -> None:
    """Send an unknown job again; it may arrive twice. JSON: {"id", "state"}."""
    with open_stuck_jobs() as stuck_jobs:
        stuck_jobs.resend(job_id, why=why)
    _say(job_id, JobState.QUEUED, as_json=as_json)


@unknown.command()
@click.argument("job_id", metavar="ID", callback=to_unicode)
@click.argument("settlement", type=click.Choice([str(s) for s in Settlement]))
@why_option
@json_option
def settle(job_id: str, settlement: str, why: str, *, as_json: bool) -> None:
    """Decide that an unknown job was accepted, or failed. JSON: {"id", "state"}."""
    with open_stuck_jobs() as stuck_jobs:
        stuck_jobs.settle(job_id, Settlement(settlement), why=why)
    is_accepted = settlement == Settlement.ACCEPTED
    _say(job_id, JobState.ACCEPTED if is_accepted else JobState.REJECTED, as_json=as_json)


@click.group()
def dead() -> None:
    """List and retry jobs that ran out of attempts.

    A dead job keeps its text for three days; after that it cannot be retried.
    """


@dead.command("list")
@click.option("--error", "error_class", help="Only this class: temporary, not_sent, unknown.")
@json_option
def list_dead(error_class: str | None, *, as_json: bool) -> None:
    """List dead jobs. JSON: {"jobs": [{"id", "kind", "since", "error_class", "error", ...}]}."""
    _list(JobState.DEAD, error_class, as_json=as_json)


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every dead job.")
@click.option("--error", "error_class", help="Every dead job of this class.")
@click.option("--per-s", type=float, default=RETRY_PER_S, show_default=True, help="At most.")
@click.option("--dry-run", is_flag=True, help="Only say what would be retried.")
@why_option
@json_option
def retry(ids: Sequence[str], *, as_json: bool, **options: Any) -> None:
    """Send dead jobs again, with all their attempts.

    JSON: {"retried": n, "refused": [{"id", "reason"}], "dry_run"}. Exit code 5: some could not be
    retried.
    """
    error_class, per_s, is_dry = (options[k] for k in ("error_class", "per_s", "dry_run"))
    if bool(ids) + options["is_all"] + bool(error_class) != 1:
        raise click.UsageError("write job ids, or --all, or --error CLASS")
    if not per_s > 0:
        raise click.UsageError("--per-s: write a number above 0")
    with open_stuck_jobs() as stuck_jobs:
        found = stuck_jobs.find(JobState.DEAD, Rule(error_class=error_class))
        again = partial(stuck_jobs.retry, why=options["why"], is_dry=is_dry)
        pause_s = 0.0 if is_dry else 1 / per_s
        reasons = apply_to_each(ids or [job.id for job in found], again, pause_s=pause_s)
    tell(reasons, "retried", is_dry=is_dry, as_json=as_json)


show = copy(why_command)
show.name = "show"
dead.add_command(show)
unknown.add_command(settle_all)


def _say(job_id: str, state: JobState, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": job_id, "state": state})
    else:
        put(f"{job_id} is {state}")


def _list(state: JobState, error_class: str | None, *, as_json: bool) -> None:
    with open_stuck_jobs() as stuck_jobs:
        jobs = list(stuck_jobs.find(state, Rule(error_class=error_class)))
    if as_json:
        print_json({"jobs": [_describe(job) for job in jobs]})
        return
    if not jobs:
        put(f"no job is {state}")
        return
    zone = reader_zone(Settings.from_env())
    table = make_table("job", "since", "attempts", "recipients", "class", "what happened")
    for job in jobs:
        numbers = (str(job.attempts), str(job.size))
        table.add_row(job.id, say_time(job.since, zone), *numbers, job.error_class, job.error)
    make_console().print(table)


def _describe(job: StuckJob) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "campaign": job.campaign,
        "since": job.since.isoformat(),
        "attempts": job.attempts,
        "recipients": job.size,
        "error_class": job.error_class,
        "error": job.error,
    }
