"""`smsq send-quick`: one text for one phone.

In:  a phone, a text, options. Out: the job's id.
"""

from __future__ import annotations

from typing import Any

import click

from smsq.cli.output import json_option, open_queue, print_json
from smsq.cli.params import read_text, to_moment, to_unicode
from smsq.cli.times import to_gateway_time
from smsq.ledger.stored_id import StoredId
from smsq.models import OnUnknown
from smsq.names import PRIORITIES, Queue

key_option = click.option(
    "--key",
    callback=to_unicode,
    help="To repeat a call safely: the same key and content give the same id.",
)
again_option = click.option(
    "--again", is_flag=True, help="Send again what was certainly not sent under this --key."
)
alphaname_option = click.option(
    "--alphaname-id", callback=to_unicode, metavar="ID", help="Sender.  [SMSQ_ALPHANAME_ID]"
)
on_unknown_option = click.option(
    "--on-unknown",
    type=click.Choice([str(choice) for choice in OnUnknown]),
    help="If it may have been accepted: hold it, or send it again.  [SMSQ_ON_UNKNOWN]",
)
reference_option = click.option(
    "--reference",
    callback=to_unicode,
    help="Your own name of it, as an order's number; smsq find has it.",
)
tag_option = click.option(
    "--tag",
    "tags",
    multiple=True,
    help="A tag of your own, for smsq jobs; write it again for more.",
)


@click.command()
@click.argument("phone")
@click.argument("text")
@alphaname_option
@key_option
@again_option
@click.option(
    "--priority",
    type=click.Choice([str(priority) for priority in PRIORITIES]),
    default=str(Queue.NORMAL),
    show_default=True,
    help="What is sent first.",
)
@click.option(
    "--send-at", callback=to_moment, metavar="ISO", help="Do not send before this time.  [now]"
)
@click.option(
    "--expires-in-s", type=float, metavar="N", help="Give up if it is not sent within N seconds."
)
@click.option("--viber-name-id", type=int, metavar="ID", help="Forward to Viber from this name ...")
@click.option(
    "--viber-after-min", type=int, metavar="N", help="... what is not delivered by then; 5 to 60."
)
@click.option("--gather", is_flag=True, help="May wait a little and share a request with others.")
@reference_option
@tag_option
@on_unknown_option
@json_option
def send_quick(phone: str, text: str, *, as_json: bool, **options: Any) -> None:
    """Send one text to one phone.

    The message is stored, and a worker sends it. Write - as TEXT to read it from stdin: then it
    does not show in the process list. Write -- before a TEXT that begins with a dash.

    With --gather it may wait up to SMSQ_GATHER_S and share a request with other messages of the
    same sender; not for urgent messages, Viber or --send-at.

    JSON: {"id", "state", "new"}. When --key was used before with the same content, nothing more is
    sent: new is false, and state is that of the earlier message. If that one was certainly not sent
    (cancelled, expired, rejected, dead, withheld), --again sends it again.
    """
    with open_queue() as queue:
        send_at = to_gateway_time(options.pop("send_at"), queue.settings)
        stored = queue.send_quick(phone, read_text(text), send_at=send_at, **options)
    if as_json:
        print_json({"id": stored, "state": stored.state, "new": stored.is_new})
    elif stored.is_new:
        click.echo(f"{stored} is {stored.state}; smsq watch {stored} shows what becomes of it")
    else:
        click.echo(f"{stored} {say_repeated(stored)}")


def say_repeated(stored: StoredId) -> str:
    """Say what a call with a key comes to that was used before."""
    state = stored.state or "gone"
    return f"has this key already, with the same content; it is {state}, nothing more is sent"
