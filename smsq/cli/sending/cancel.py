"""`smsq cancel`: take back what is not sent yet.

In:  an id. Out: how many jobs will not be sent.
"""

from __future__ import annotations

import click

from smsq.cli.output import json_option, open_queue, print_json, say_number
from smsq.cli.params import to_unicode
from smsq.models import JobState


@click.command()
@click.argument("some_id", metavar="ID", callback=to_unicode)
@json_option
def cancel(some_id: str, *, as_json: bool) -> None:
    """Cancel what has not been sent yet, of a job or a campaign.

    What a worker is sending at this moment still goes out; the state shows it.

    JSON: {"id", "cancelled", "state"}; cancelled counts jobs. It is 0 when it was too late, or when
    the gateway may have accepted a request: then the state is unknown.
    """
    with open_queue() as queue:
        cancelled = queue.cancel(some_id, whole_job=True)
        state = queue.status(some_id).state
    if as_json:
        print_json({"id": some_id, "cancelled": cancelled, "state": state})
    elif cancelled:
        click.echo(f"{say_number(cancelled, 'job')} cancelled; it is {state}")
    elif state is JobState.UNKNOWN:
        click.echo("it is unknown: an attempt may have been accepted; see smsq unknown list")
    else:
        click.echo(f"too late to cancel: it is {state}")
