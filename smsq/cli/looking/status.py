"""`smsq status`: what became of a job or a campaign.

In:  an id. Out: its state, its messages, and with `--recipients` every phone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import click
from rich.table import Table

from smsq.cli.campaigns.brakes import describe_brake, say_brake
from smsq.cli.output import json_option, make_console, open_queue, print_json, print_spooled, put
from smsq.cli.params import to_unicode
from smsq.cli.times import reader_zone, say_time
from smsq.environment.who import who_am_i
from smsq.models import FINAL_RECIPIENT_STATES, JobState, RecipientState
from smsq.status.status import RecipientStatus, Status

#: Messages shown to a person; JSON has all of them.
_MAX_MESSAGES = 20

#: What moves a job on that is not final, for people.
_NEXT: Mapping[JobState, str] = {
    JobState.QUEUED: "ready; a worker sends it as soon as the rate allows",
    JobState.WAITING: "due later",
    JobState.SUBMITTING: "a request is on its way",
    JobState.ACCEPTED: "the gateway has it; delivery reports are awaited",
    JobState.UNKNOWN: "the gateway may have it; a receipt, a report or an operator decides",
}


@click.command()
@click.argument("some_id", metavar="ID", callback=to_unicode)
@click.option("--recipients", "with_recipients", is_flag=True, help="Every phone, in full.")
@json_option
def status(some_id: str, *, with_recipients: bool, as_json: bool) -> None:
    """Show the state of a job or a campaign.

    JSON: {"id", "kind", "state", "attempts", "error", "counts", "messages": [{"name", "message_id",
    "recipients", "counts"}], "reference", "tags"}; counts is recipients per state. With
    --recipients also "recipients": [{"phone", "state", "gateway_status", "sent_at", "reference"}],
    times in UTC. A campaign that is held up
    also has "brake": {"state", "why", "since"}. If jobs ended without being sent, "unsent" counts
    their recipients (undelivered in counts) per state of the job.
    """
    with open_queue() as queue:
        found = queue.status(some_id)
        person = who_am_i()
        rows = queue.recipients(some_id, whole_job=True, by=person) if with_recipients else iter(())
        if as_json and with_recipients:
            print_spooled(describe(found), "recipients", map(_describe_recipient, rows))
        elif as_json:
            print_json(describe(found))
        else:
            show_status(found)
            _show_recipients(rows, reader_zone(queue.settings))


def describe(found: Status) -> dict[str, Any]:
    """Make the JSON document of a status."""
    held_up = {"brake": describe_brake(found.brake)} if found.brake else {}
    unsent = {"unsent": found.unsent} if found.unsent else {}
    return {
        "id": found.id,
        "kind": found.kind,
        "state": found.state,
        "attempts": found.attempts,
        "error": found.error,
        "counts": found.counts,
        "messages": [
            {
                "name": message.name,
                "message_id": message.message_id,
                "recipients": message.recipients,
                "counts": message.counts,
            }
            for message in found.messages
        ],
        "reference": found.reference,
        "tags": found.tags,
        **held_up,
        **unsent,
    }


def show_status(found: Status) -> None:
    """Show a status to a person."""
    put(f"{found.kind} {found.id}: {found.state}{_what_next(found)}")
    _show_names(found)
    if found.error:
        put(f"  error       {found.error}")
    if found.brake:
        put(f"  held up     {say_brake(found.id, found.brake)}")
    put(f"  attempts    {found.attempts}")
    put(f"  recipients  {say_counts(found.counts)}")
    if found.unsent:
        said = ", ".join(f"{n:,} {state}" for state, n in found.unsent.items())
        put(f"  unsent      {said}")
    names = [message.name for message in found.messages if message.name]
    if not names:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("  message", "gateway's id", "recipients"):
        table.add_column(heading, no_wrap=True)
    for message in found.messages[:_MAX_MESSAGES]:
        message_id = "not known yet" if message.message_id is None else str(message.message_id)
        table.add_row(f"  {message.name}", message_id, say_counts(message.counts))
    make_console().print(table)
    if len(found.messages) > _MAX_MESSAGES:
        put(f"  ... and {len(found.messages) - _MAX_MESSAGES} more messages; --json has all")


def say_names(reference: str | None, tags: Sequence[str]) -> str:
    """Say what its caller calls something."""
    return " ".join([*([reference] if reference else []), *(f"[{tag}]" for tag in tags)])


def _show_names(found: Status) -> None:
    if found.reference or found.tags:
        put(f"  yours       {say_names(found.reference, found.tags)}")


def say_counts(counts: Mapping[RecipientState, int]) -> str:
    """Say how many recipients are in which state."""
    return ", ".join(f"{counts[s]} {s}" for s in RecipientState if counts.get(s)) or "none"


def count_final(counts: Mapping[RecipientState, int]) -> int:
    """Count the recipients that are final."""
    return sum(n for state, n in counts.items() if state in FINAL_RECIPIENT_STATES)


def _what_next(found: Status) -> str:
    return f" ({_NEXT[found.state]})" if found.state in _NEXT else ""


def _show_recipients(rows: Iterator[RecipientStatus], zone: tzinfo) -> None:
    for row in rows:
        sent = say_time(row.sent_at, zone) if row.sent_at else ""
        line = f"  {row.phone:<16}{row.state:<13}{row.gateway_status or '':<16}{sent}"
        put(line.rstrip())


def _describe_recipient(row: RecipientStatus) -> dict[str, Any]:
    return {
        "phone": row.phone,
        "state": row.state,
        "gateway_status": row.gateway_status,
        "sent_at": _utc(row.sent_at),
        "reference": row.reference,
    }


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
