"""`smsq why`: what happened to a job or campaign, step by step.

In:  an id. Out: its timeline, with times in the zone of the settings.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import click

from smsq.cli.output import json_option, print_json, put
from smsq.cli.params import to_unicode
from smsq.cli.times import reader_zone, say_time
from smsq.operate.stuck_jobs import StuckJobs
from smsq.settings import Settings
from smsq.status.timeline import Progress, Step, make_steps, say_progress, say_step


@click.command()
@click.argument("job_id", metavar="ID", callback=to_unicode)
@click.option("--utc", "in_utc", is_flag=True, help="Times in UTC, not in SMSQ_TIMEZONE.")
@json_option
def why(job_id: str, *, in_utc: bool, as_json: bool) -> None:
    """Show what happened to a job or a campaign, step by step.

    The newest hundred steps are kept.

    JSON: {"id", "timeline": [{"at", "what", "detail", "waited_s"}], "polls", "counts",
    "next_poll_at"}; waited_s is how long an attempt waited for the limit, else null; times are ISO
    8601, UTC.
    """
    settings = Settings.from_env()
    stuck_jobs = StuckJobs.build(settings)
    try:
        steps = make_steps(stuck_jobs.timeline(job_id))
        progress = stuck_jobs.progress(job_id)
    finally:
        stuck_jobs.close()
    if as_json:
        print_json(describe(job_id, steps, progress))
        return
    zone = UTC if in_utc else reader_zone(settings)
    for step in steps:
        at = say_time(step.note.at, zone, "milliseconds")
        put(f"{at}  {step.note.what:<12} {say_step(step, progress)}".rstrip())
    if progress.next_poll_at:
        next_poll = say_time(progress.next_poll_at, zone, "milliseconds")
        said = f"{say_progress(progress)}; next poll {next_poll}"
        put(f"{'':<{len(next_poll)}}  {'so far':<12} {said}")


def describe(job_id: str, steps: list[Step], progress: Progress) -> dict[str, Any]:
    """Make the JSON document of what happened to a job."""
    next_poll_at = progress.next_poll_at
    return {
        "id": job_id,
        "timeline": [
            {
                "at": step.note.at.isoformat(),
                "what": step.note.what,
                "detail": step.note.detail,
                "waited_s": step.waited_s,
            }
            for step in steps
        ],
        "polls": progress.polls,
        "counts": progress.counts,
        "next_poll_at": next_poll_at.isoformat() if next_poll_at else None,
    }
