"""`smsq person`: what is kept of one person, and how it is forgotten.

In:  a phone. Out: where it is, or what became of it; no full phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from smsq.cli.output import Exit, json_option, print_json, put, say_number
from smsq.cli.params import to_unicode
from smsq.operate.people import People, describe_person
from smsq.settings import Settings


@click.group()
def person() -> None:
    """Show what is kept of a person, or forget it."""


@person.command()
@click.argument("phone", callback=to_unicode)
@json_option
def show(phone: str, *, as_json: bool) -> None:
    """Show where PHONE is kept: messages with their jobs, the opt-out, the daily limit.

    The look is written into the audit trail, with the phone masked.

    JSON: {"phone", "messages": [{"job_id", "message", "state"}], "opted_out", "capped_days"}.
    """
    with _open_people() as people:
        found = people.show(phone)
    if as_json:
        print_json(describe_person(found))
        return
    put(f"{found.phone}: {say_number(len(found.traces), 'message')}")
    for trace in found.traces:
        put(f"  {trace.job_id}  {trace.state}")
    if found.is_opted_out:
        put("  on the list of opt-outs")
    if found.capped:
        put(f"  counted by the daily limit on {say_number(found.capped, 'day')}")


@person.command()
@click.argument("phone", callback=to_unicode)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def forget(phone: str, *, yes: bool, as_json: bool) -> None:
    """Forget PHONE: its messages become nobody's, with their texts, references and receipts.

    What waits is not sent any more. What is on its way has to end first: run the command again
    later, as it says (exit code 5). The opt-out goes, too. Counts, states and money stay.

    JSON: {"phone", "forgotten", "later": [job ids], "was_opted_out"}.
    """
    if not (yes or as_json):
        click.confirm("Forget this phone for good?", abort=True, err=True)
    with _open_people() as people:
        done = people.forget(phone)
    if as_json:
        told = {"phone": done.phone, "forgotten": done.forgotten}
        print_json({**told, "later": [*done.later], "was_opted_out": done.was_opted_out})
    else:
        put(f"{done.phone}: {say_number(done.forgotten, 'message')} forgotten")
        if done.was_opted_out:
            put("it is not on the list of opt-outs any more")
        if done.later:
            put(f"on their way: {', '.join(done.later)}: run this again when they are done")
    if done.later:
        raise click.exceptions.Exit(Exit.SOME_REJECTED)


@contextmanager
def _open_people() -> Iterator[People]:
    people = People.build(Settings.from_env())
    try:
        yield people
    finally:
        people.close()
