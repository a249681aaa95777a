"""`smsq why`: what happened to a job, step by step.

In:  a job's id. Out: its timeline, with times in the zone of the settings.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from smsq.cli.output import json_option, print_json
from smsq.cli.params import to_unicode
from smsq.desk import Desk
from smsq.settings import Settings


@click.command()
@click.argument("job_id", metavar="ID", callback=to_unicode)
@json_option
def why(job_id: str, *, as_json: bool) -> None:
    """Tell what happened to a job, step by step; the newest hundred steps are kept.

    JSON: {"id", "timeline": [{"at", "what", "detail"}]}; times are ISO 8601, UTC.
    """
    settings = Settings.from_env()
    desk = Desk.build(settings)
    try:
        notes = desk.timeline(job_id)
    finally:
        desk.close()
    if as_json:
        rows = [{"at": n.at.isoformat(), "what": n.what, "detail": n.detail} for n in notes]
        print_json({"id": job_id, "timeline": rows})
        return
    zone = ZoneInfo(settings.timezone)
    for note in notes:
        at = note.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        click.echo(f"{at}  {note.what:<12} {note.detail}".rstrip())
