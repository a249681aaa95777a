"""`smsq unknown settle-all`: one decision for all unknown jobs that a rule names.

In:  a rule and a decision. Out: jobs settled; who and why in the timeline of each.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from smsq.cli.operating.many_stuck import apply_to_each, open_stuck_jobs, tell, why_option
from smsq.cli.output import json_option
from smsq.cli.params import to_start, to_unicode
from smsq.cli.times import in_zone, reader_zone
from smsq.models import JobState, Settlement
from smsq.operate.stuck_job import Rule
from smsq.settings import Settings


@click.command("settle-all")
@click.argument("settlement", type=click.Choice([str(s) for s in Settlement]))
@click.option("--all", "is_all", is_flag=True, help="Every unknown job.")
@click.option("--since", callback=to_start, help="Unknown since this time or later.")
@click.option("--until", callback=to_start, help="Unknown since before this time.")
@click.option("--campaign", metavar="ID", callback=to_unicode, help="Jobs of this campaign.")
@click.option("--error", "error_class", help="Jobs of this class, as `smsq unknown list` shows it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be settled.")
@why_option
@json_option
def settle_all(settlement: str, why: str, *, dry_run: bool, as_json: bool, **rule: Any) -> None:
    """Decide that all unknown jobs of a rule were accepted, or failed.

    Write --all, or one option or more that a job has to fit. Times are read in SMSQ_TIMEZONE unless
    they have an offset. JSON: {"settled": n, "refused": [{"id", "reason"}], "dry_run"}. Exit code
    5: some could not be settled, because they were settled meanwhile.
    """
    is_all = rule.pop("is_all")
    if is_all == any(value is not None for value in rule.values()):
        raise click.UsageError("write --all, or --since, --until, --campaign, --error")
    zone = reader_zone(Settings.from_env())
    for name in ("since", "until"):
        moment: datetime | None = rule[name]
        rule[name] = in_zone(moment, zone) if moment else None
    with open_stuck_jobs() as stuck_jobs:
        ids = [job.id for job in stuck_jobs.find(JobState.UNKNOWN, Rule(**rule))]

        def settle(job_id: str) -> None:
            if not dry_run:
                stuck_jobs.settle(job_id, Settlement(settlement), why=why)

        reasons = apply_to_each(ids, settle)
    tell(reasons, "settled", is_dry=dry_run, as_json=as_json)
