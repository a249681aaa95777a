"""Every command of `smsq`: it writes who did it into the audit trail, or does not act at all.

A new command stands in none of the tables below, and fails here until somebody decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import pytest
from click.testing import Result

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.cli import main
from smsq.environment.who import who_am_i
from smsq.queue import SmsQueue
from tests.smsq.stage import PHONE, Stage, set_up
from tests.smsq.world import World

Smsq = Callable[..., Result]

#: Command, with the arguments that make it act → what it writes down. {names} are of `Stage`.
ACTS: Mapping[str, Act] = {
    "cancel {queued}": Act.CANCEL,
    "cancel {campaign}": Act.CANCEL,
    "cancel {gathered}": Act.CANCEL,
    "reschedule {queued} 2030-11-05T09:30": Act.RESCHEDULE,
    "optout add {phone}": Act.OPTOUT_ADD,
    "optout remove {opted_out}": Act.OPTOUT_REMOVE,
    "optout import {phones}": Act.OPTOUT_IMPORT,
    "optout list": Act.OPTOUT_LIST,
    "failed {done_for} out.csv": Act.FAILED,
    "pause": Act.PAUSE,
    "pause {campaign}": Act.PAUSE,
    "resume": Act.RESUME,
    "resume {paused}": Act.RESUME,
    "resume {campaign} --max-failed 20%": Act.RESUME,
    "status {queued} --recipients": Act.RECIPIENTS,
    "export --since 2020-01-01 --full-phones --recipients": Act.EXPORT,
    "rate 5": Act.RATE,
    "rate default": Act.RATE,
    "unknown resend {unknown}": Act.RESEND,
    "unknown settle {unknown} failed": Act.SETTLE,
    "unknown settle-all accepted --all": Act.SETTLE,
    "dead retry {dead}": Act.RETRY,
    "dead retry --all": Act.RETRY,
    "attach {accepted} Sale 501": Act.ATTACH,
    "webhook replay {delivery}": Act.WEBHOOK_REPLAY,
    "webhook replay --all": Act.WEBHOOK_REPLAY,
    "webhook resume": Act.WEBHOOK_RESUME,
    "person show {phone}": Act.PERSON,
    "reconcile {bill} --since 2020-01-01 --until 2020-01-02": Act.EXPORT,
    "person forget {phone} --yes": Act.FORGET,
}

#: Only looks, or only says what it would do, and shows no phone in full.
LOOKS: Sequence[str] = (
    "campaigns",
    "status {queued}",
    "status {campaign}",
    "watch {queued} --timeout-s 0",
    "why {queued}",
    "why {campaign}",
    "find {phone} order-77",
    "jobs",
    "export --since 2020-01-01",
    "export --since 2020-01-01 --recipients",
    "history",
    "stats",
    "doctor",
    "unknown list",
    "unknown settle-all accepted --all --dry-run",
    "dead list",
    "dead show {dead}",
    "dead retry --all --dry-run",
    "unmatched --min-age-s 0",
    "webhook list",
    "audit",
    "audit --verify",
    "parts hello",
)

#: Enqueues: who may is up to the web app; or starts a process, or makes a line for a file.
OTHERS = {
    *("send-quick", "send-bulk"),
    *("up", "worker", "beat", "web", "flower", "alive", "simulator", "demo"),
    *("web-user", "secret"),
}


def walk(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands, as they are typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))
        else:
            yield " ".join((*path, name))


def name_of(typed: str, names: set[str]) -> str:
    words = typed.split()
    return next(name for n in (2, 1) if (name := " ".join(words[:n])) in names)


def test_every_command_is_in_one_of_the_tables() -> None:
    names = set(walk(main))
    acting = {name_of(typed, names) for typed in ACTS}
    looking = {name_of(typed, names) for typed in LOOKS}

    assert acting | looking | OTHERS == names
    assert not OTHERS & (acting | looking)
    # What may do both has the option that makes the difference in the tables.
    assert acting & looking == {"status", "export", "unknown settle-all", "dead retry"}
    assert {*Act} - {*ACTS.values()} == {Act.FIND}  # of the page alone


@pytest.fixture
def stage(world: World, queue: SmsQueue, tmp_path: Path) -> Stage:
    return set_up(world, queue, tmp_path)


def type_out(typed: str, stage: Stage) -> list[str]:
    return [word.format(**vars(stage)) for word in typed.split()]


@pytest.mark.parametrize("typed", ACTS)
def test_who_acts_stands_in_the_trail(smsq: Smsq, stage: Stage, world: World, typed: str) -> None:
    args = type_out(typed, stage)

    ran = smsq(*args)

    assert ran.exit_code == 0, ran.output
    entries = Audit(world.scripts).read()
    assert [(one.by, one.act) for one in entries] == [(who_am_i(), ACTS[typed])]
    named = {*args} & {*vars(stage).values()} - {stage.phone, stage.phones, stage.bill, PHONE}
    assert not named or entries[0].target in named
    for secret in (PHONE, stage.phone, "code is", "Your"):
        assert secret not in str(entries)
    assert Audit(world.scripts).verify().is_whole


@pytest.mark.parametrize("typed", LOOKS)
def test_who_only_looks_leaves_nothing_and_sees_nothing_in_full(
    smsq: Smsq, stage: Stage, world: World, typed: str
) -> None:
    args = type_out(typed, stage)

    ran = smsq(*args)

    assert ran.exit_code in {0, 1}, ran.output  # doctor finds no workers; a watch ends early
    assert Audit(world.scripts).read() == []
    assert PHONE not in ran.output.replace("375291234500", "")


@pytest.mark.parametrize(
    "typed", [typed for typed in ACTS if "{" in typed and "phones" not in typed]
)
def test_what_cannot_be_done_leaves_nothing(
    smsq: Smsq, stage: Stage, world: World, typed: str
) -> None:
    args = ["jffffffffffffffff" if word.startswith("{") else word for word in typed.split()]

    assert smsq(*args).exit_code != 0
    assert Audit(world.scripts).read() == []


def test_reasons_are_kept_without_phones(smsq: Smsq, stage: Stage, world: World) -> None:
    why = "+375 29 123-45-67 says it came twice"
    assert smsq("unknown", "settle", stage.unknown, "accepted", "--why", why).exit_code == 0

    [entry] = Audit(world.scripts).read()
    assert entry.detail == "accepted: +375*******67 says it came twice"
    assert "1234567" not in smsq("why", stage.unknown).output


def test_an_import_says_where_phones_came_from_and_how_many(
    smsq: Smsq, stage: Stage, world: World
) -> None:
    assert smsq("optout", "import", stage.phones).exit_code == 0
    assert smsq("optout", "import", stage.phones).exit_code == 0  # nothing is new

    [entry] = Audit(world.scripts).read()
    assert (entry.target, entry.detail) == ("2 phones", "from phones.txt")
