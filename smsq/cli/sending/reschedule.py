"""`smsq reschedule`: another time for a quick job that is not sent yet.

In:  an id and a time. Out: the job, due then.
"""

from __future__ import annotations

from datetime import datetime

import click

from smsq.cli.output import json_option, open_queue, print_json
from smsq.cli.params import to_moment, to_unicode
from smsq.cli.times import in_zone, reader_zone, say_time


@click.command()
@click.argument("job_id", metavar="ID", callback=to_unicode)
@click.argument("send_at", metavar="ISO", callback=to_moment)
@json_option
def reschedule(job_id: str, send_at: datetime, *, as_json: bool) -> None:
    """Change when a quick job is sent, as long as no worker has started on it.

    A campaign cannot be rescheduled here: the gateway keeps its schedule. JSON: {"id", "state"}.
    """
    with open_queue() as queue:
        zone = reader_zone(queue.settings)
        send_at = in_zone(send_at, zone)
        queue.reschedule(job_id, send_at)
        state = queue.status(job_id).state
    if as_json:
        print_json({"id": job_id, "state": state})
    else:
        click.echo(f"{job_id} will be sent at {say_time(send_at, zone)}")
