"""What commands for many stuck jobs share: one after the other, and a list of what was refused.

In:  ids and what to do with each. Out: how many it was done to, and why not to the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from smsq.cli.output import Exit, print_json, put, say_number
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.operate.stuck_jobs import StuckJobs
from smsq.settings import Settings

why_option = click.option("--why", default="", help="Your reason, kept in the job's timeline.")


@contextmanager
def open_stuck_jobs() -> Iterator[StuckJobs]:
    """Open them with the settings of this process."""
    stuck_jobs = StuckJobs.build(Settings.from_env())
    try:
        yield stuck_jobs
    finally:
        stuck_jobs.close()


def apply_to_each(
    ids: Sequence[str], act: Callable[[str], None], *, pause_s: float = 0.0
) -> Mapping[str, str]:
    """Do something to each job; what is refused stops nothing.

    Args:
        ids: Of the jobs.
        act: What is done; it raises what `StuckJobs` raises.
        pause_s: Between two.

    Returns:
        Job id to why it was refused, empty where it was done.
    """
    reasons = {}
    for job_id in ids:
        try:
            act(job_id)
            reasons[job_id] = ""
        except (InvalidMessageError, NotFoundError) as error:
            reasons[job_id] = str(error)
        time.sleep(pause_s)
    return reasons


def tell(reasons: Mapping[str, str], done: str, *, is_dry: bool, as_json: bool) -> None:
    """Say what was done and what was refused.

    Args:
        reasons: As `apply_to_each` gives them.
        done: In one word: `retried`, `settled`.
        is_dry: Nothing was done, only tried.
        as_json: As one document.

    Raises:
        click.exceptions.Exit: Some were refused: exit code 5.
    """
    refused = [{"id": job_id, "reason": reason} for job_id, reason in reasons.items() if reason]
    count = len(reasons) - len(refused)
    if as_json:
        print_json({done: count, "refused": refused, "dry_run": is_dry})
    else:
        put(f"{say_number(count, 'job')} {'to be ' if is_dry else ''}{done}")
        for row in refused:
            put(f"smsq: {row['reason']}", err=True)
    if refused:
        raise click.exceptions.Exit(Exit.SOME_REJECTED)
