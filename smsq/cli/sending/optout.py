"""`smsq optout`: the phones that take no messages.

In:  phones, or a file of them. Out: the list, changed or shown; rows that are no phones in a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from smsq.cli.files.opening import encoding_option, sheet_option
from smsq.cli.files.phone_list import PhoneTable, open_phones
from smsq.cli.files.private_files import STDOUT
from smsq.cli.files.progress import show_progress
from smsq.cli.files.rejects import Rejects, choose_rejects
from smsq.cli.output import (
    Exit,
    is_terminal,
    json_option,
    open_queue,
    print_json,
    print_spooled,
    put,
    say_number,
)
from smsq.cli.params import to_unicode
from smsq.environment.who import who_am_i
from smsq.rules.optouts import SLICE, OptOuts
from smsq.settings import Settings
from smsq.text.phones import normalize_phone, say_phone_mistake


@click.group()
def optout() -> None:
    """Manage the list of phones that get no messages.

    The list is checked just before sending, so it also covers messages that are already queued.
    Urgent messages (such as codes) are sent all the same.
    """


@optout.command()
@click.argument("phones", nargs=-1, required=True, metavar="PHONE...")
@json_option
def add(phones: tuple[str, ...], *, as_json: bool) -> None:
    """Add phones to the list. JSON: {"added"}; phones that were on it already do not count."""
    with open_queue() as queue:
        added = queue.optout.add(phones)
    print_json({"added": added}) if as_json else put(f"{say_number(added, 'phone')} added")


@optout.command()
@click.argument("phones", nargs=-1, required=True, metavar="PHONE...")
@json_option
def remove(phones: tuple[str, ...], *, as_json: bool) -> None:
    """Remove phones from the list. JSON: {"removed"}; phones that were not on it do not count."""
    with open_queue() as queue:
        removed = queue.optout.remove(phones)
    if as_json:
        print_json({"removed": removed})
    else:
        put(f"{say_number(removed, 'phone')} removed")


@optout.command("list")
@json_option
def list_phones(*, as_json: bool) -> None:
    """Show the list, in full. JSON: {"phones": [...]}."""
    with open_queue() as queue:
        phones = queue.optout.phones(by=who_am_i())
        if as_json:
            print_spooled({}, "phones", phones)
            return
        for phone in phones:
            put(phone)


@optout.command("import")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--phone-column",
    callback=to_unicode,
    metavar="C",
    default="phone",
    show_default=True,
    help="Column with the phones.",
)
@click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where rows without a valid phone are written.  [FILE.rejects.csv]")  # fmt: skip
@encoding_option
@sheet_option
@json_option
def import_phones(file: str, *, as_json: bool, **options: Any) -> None:
    """Add all phones of a file: one per line, or a CSV file with a header.

    The file is UTF-8, cp1251 or --encoding. You may import the same file again. JSON: {"added",
    "known", "rejected"}. Exit code 5: some rows were rejected.
    """
    path = choose_rejects(file, options["rejects"], as_json=as_json)
    with (
        open_queue() as queue,
        open_phones(file, options["encoding"], options["sheet"]) as (table, size),
        Rejects(path, table) as rejects,
    ):
        [column] = table.find_columns([("--phone-column", options["phone_column"])])
        loader = _Loader(queue.optout, queue.settings, table, column, rejects, Path(file).name)
        with_bar = size and is_terminal() and not as_json
        for _ in show_progress(loader.load(), table, size) if with_bar else loader.load():
            pass
    if not loader.rows and not rejects.count:
        raise table.lines.mistake("holds no phones: write at least one")
    result = {
        "added": loader.added,
        "known": loader.rows - loader.added,
        "rejected": rejects.count,
    }
    print_json(result) if as_json else _tell(result, rejects)
    if rejects.count:
        raise click.exceptions.Exit(Exit.SOME_REJECTED)


class _Loader:
    """Brings rows onto the list, slice by slice.

    Attributes:
        rows: Rows with a phone.
        added: Phones that were not on the list.
    """

    def __init__(
        self,
        optouts: OptOuts,
        settings: Settings,
        table: PhoneTable,
        column: int,
        rejects: Rejects,
        source: str,
    ) -> None:
        self.rows = 0
        self.added = 0
        self._optouts = optouts
        self._region = settings.default_region
        self._table = table
        self._column = column
        self._rejects = rejects
        self._source = source

    def load(self) -> Iterator[None]:
        """Add every good row; one step per row."""
        phones: list[str] = []
        for row in self._table.rows():
            raw = row.cells[self._column]
            phone = normalize_phone(raw, self._region, accept_unknown=True)
            if phone is None:
                reason = say_phone_mistake(raw, self._region)
                self._rejects.add(row, {self._table.header[self._column]: reason})
            else:
                self.rows += 1
                phones.append(phone)
            if len(phones) == SLICE:
                self.added += self._store(phones)
                phones = []
            yield
        self.added += self._store(phones)

    def _store(self, phones: list[str]) -> int:
        return self._optouts._store(phones, source=self._source)


def _tell(result: dict[str, int], rejects: Rejects) -> None:
    known = f", {result['known']:,} were on the list already" if result["known"] else ""
    added = f"{say_number(result['added'], 'phone')} added{known}"
    put(added, err=str(rejects.path) == STDOUT)
    if rejects.count:
        for mistake in rejects.shown:
            put(mistake, err=True)
        rows = say_number(rejects.count, "row")
        put(f"{rows} rejected: correct {rejects.path} and import that file", err=True)
