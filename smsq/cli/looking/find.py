"""`smsq find` and `smsq jobs`: sends by reference or phone; jobs by state, tag and time.

In:  references and phones, or filters. Out: a line for each, the newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import click

from smsq.cli.looking.status import say_names
from smsq.cli.output import json_option, make_console, make_table, open_queue, print_json, put
from smsq.cli.params import to_start, to_unicode
from smsq.cli.times import in_zone, reader_zone, say_time
from smsq.errors import ConfigError, NotFoundError
from smsq.finding.summary import JobSummary
from smsq.models import JobState
from smsq.queue import SmsQueue
from smsq.text.phones import normalize_phone

_Command = TypeVar("_Command", bound=Callable[..., Any])

since_option = click.option("--since", callback=to_start, help="Queued at this time or later.")


def limit_option(default: int) -> Callable[[_Command], _Command]:
    """Make the option that bounds a list."""
    return click.option(
        "--limit",
        type=click.IntRange(1, 100_000),
        default=default,
        show_default=True,
        help="How many at most.",
    )


def _to_unicode_each(
    context: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(to_unicode(context, param, value) or "" for value in values)


@click.command()
@click.argument(
    "names", metavar="REFERENCE|PHONE...", nargs=-1, required=True, callback=_to_unicode_each
)
@since_option
@limit_option(20)
@json_option
def find(names: tuple[str, ...], *, since: datetime | None, limit: int, as_json: bool) -> None:
    """Find sends by your own reference, or by phone, the newest first.

    What reads as a phone is looked up as both. --limit is for each name. A phone is also found in
    campaigns; SMSQ_FIND_BY_PHONE=0 keeps no index of phones. --since is read in SMSQ_TIMEZONE
    unless it has an offset.

    JSON: {"found": [{"id", "kind", "state", "created_at", "error", "campaign_id", "reference",
    "tags", "phone", "recipient_state"}]}; phone is masked, and recipient_state is that phone's.
    Exit code 4: nothing was found.
    """
    with open_queue() as queue:
        start = _in_zone(queue, since)
        found = [one for name in names for one in _look_up(queue, name, start, limit)]
        if not found:
            raise NotFoundError(_say_nothing_found(queue, names))
        _show(queue, found, name="found", as_json=as_json)


@click.command()
@click.option(
    "--state",
    type=click.Choice([str(state) for state in JobState]),
    metavar="STATE",
    help=f"One of {', '.join(JobState)}.",
)
@click.option("--tag", callback=to_unicode, help="Only with this tag.")
@since_option
@limit_option(100)
@json_option
def jobs(
    state: str | None, tag: str | None, *, since: datetime | None, limit: int, as_json: bool
) -> None:
    """List jobs by state, tag and time, the newest first.

    --since is read in SMSQ_TIMEZONE unless it has an offset.

    JSON: {"jobs": [{"id", "kind", "state", "created_at", "error", "campaign_id", "reference",
    "tags", "phone", "recipient_state"}]}; phone is masked, null for a job with several recipients.
    """
    with open_queue() as queue:
        found = list(islice(queue.jobs(state=state, tag=tag, since=_in_zone(queue, since)), limit))
        _show(queue, found, name="jobs", as_json=as_json)


def _in_zone(queue: SmsQueue, since: datetime | None) -> datetime | None:
    return in_zone(since, reader_zone(queue.settings)) if since else None


def _look_up(
    queue: SmsQueue, name: str, since: datetime | None, limit: int
) -> Iterator[JobSummary]:
    yield from queue.find(reference=name, since=since, limit=limit)
    if queue.settings.find_by_phone and _is_phone(queue, name):
        yield from queue.find(phone=name, since=since, limit=limit)


def _is_phone(queue: SmsQueue, name: str) -> bool:
    settings = queue.settings
    is_any = settings.accept_unknown_ranges
    return normalize_phone(name, settings.default_region, accept_unknown=is_any) is not None


def _say_nothing_found(queue: SmsQueue, names: Sequence[str]) -> str:
    if any(_is_phone(queue, name) for name in names) and not queue.settings.find_by_phone:
        raise ConfigError(["SMSQ_FIND_BY_PHONE is 0: no index of phones is kept"])
    return "nothing that is kept has this reference or this phone"


def _show(queue: SmsQueue, found: Sequence[JobSummary], *, name: str, as_json: bool) -> None:
    if as_json:
        print_json({name: [_describe(one) for one in found]})
        return
    if not found:
        put("no jobs")
        return
    zone = reader_zone(queue.settings)
    table = make_table("id", "enqueued", "state", "recipient", "yours", "error")
    for one in found:
        recipient = f"{one.phone} {one.recipient_state}" if one.phone else ""
        yours = say_names(one.reference, one.tags)
        enqueued = say_time(one.created_at, zone, "minutes")
        table.add_row(one.id, enqueued, str(one.state), recipient, yours, one.error or "")
    make_console().print(table)


def _describe(one: JobSummary) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "state": one.state,
        "created_at": one.created_at.isoformat(),
        "error": one.error,
        "campaign_id": one.campaign_id,
        "reference": one.reference,
        "tags": list(one.tags),
        "phone": one.phone,
        "recipient_state": one.recipient_state,
    }
