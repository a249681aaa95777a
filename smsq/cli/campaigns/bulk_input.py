"""What a `smsq send-bulk` is told on its command line: which table, which texts, for whom.

In:  options. Out: an open table, and what it takes to judge its rows; or errors before a row is
read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from smsq.cli.campaigns.fill_draft import Loader
from smsq.cli.files.csv_rows import Table
from smsq.cli.files.opening import open_input
from smsq.cli.files.rejects import Rejects, choose_rejects
from smsq.cli.params import read_text
from smsq.cli.times import to_gateway_time
from smsq.errors import InvalidMessageError
from smsq.intake.intake import Intake
from smsq.models import BulkMessage, MessageRequest, PersonalMessage
from smsq.options import DraftOptions, OnUnknownChoice
from smsq.settings import Settings
from smsq.text.placeholders import Placeholders
from smsq.text.template import Template, read_template


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkInput:
    """What is to be sent.

    Attributes:
        template: None where each row has its own text.
        encoding: Of the file; None to find out.
        sheet: Of a workbook; None where it has one.
        text_column: Its name; None where there is a template, or a text for all.
        reference_column: Its name; None where rows have no references of their own.
        is_literal: What looks like another tool's place for a column is meant as it stands.
    """

    file: str
    encoding: str | None
    sheet: str | None
    message: BulkMessage | PersonalMessage
    template: Template | None = field(repr=False)
    phone_column: str
    text_column: str | None
    reference_column: str | None
    is_literal: bool
    key: str | None
    again: bool
    on_unknown: OnUnknownChoice | None
    canary: int | None
    max_failed: float | None
    reference: str | None = field(repr=False)
    tags: tuple[str, ...] = field(repr=False)
    rejects_path: Path

    @property
    def options(self) -> DraftOptions:
        """What is asked for all of the campaign."""
        return {
            "key": self.key,
            "again": self.again,
            "on_unknown": self.on_unknown,
            "canary": self.canary,
            "max_failed": self.max_failed,
            "reference": self.reference,
            "tags": self.tags,
        }

    def check_head(self, settings: Settings) -> MessageRequest:
        """Check all but the recipients.

        Raises:
            InvalidMessageError: With every mistake found.
        """
        schedule_time = to_gateway_time(self.message.schedule_time, settings)
        message = replace(self.message, schedule_time=schedule_time)
        return Intake(settings, datetime.now(UTC)).check_head(message)

    def make_loader(
        self, settings: Settings, table: Table, head: MessageRequest, rejects: Rejects
    ) -> Loader:
        """Find the columns.

        Raises:
            InvalidMessageError: One is not there; says which columns there are. Or the text has a
                place for one that would not be filled in.
        """
        wanted = [("--phone-column", self.phone_column)]
        if self.reference_column:
            wanted.append(("--reference-column", self.reference_column))
        if self.template:
            wanted += [("--text", column) for column in self.template.columns]
        elif self.text_column:
            wanted += [("--text-column (or one --text for all)", self.text_column)]
        phone_column, *text_columns = table.find_columns(wanted)
        reference_column = text_columns.pop(0) if self.reference_column else None
        if self.template and not self.is_literal:
            check_places(self.template, table.header)
        return Loader(
            intake=Intake(settings, datetime.now(UTC)),
            table=table,
            head=head,
            phone_column=phone_column,
            text_columns=text_columns,
            reference_column=reference_column,
            template=self.template,
            places=None if self.is_literal else Placeholders(table.header, with_own=True),
            rejects=rejects,
        )


def read_input(file: str, options: Mapping[str, Any]) -> BulkInput:
    """Read the options.

    Raises:
        InvalidMessageError: The text cannot be read.
    """
    text, column = options["text"], options["text_column"]
    if text is not None and column is not None:
        raise click.UsageError("--text and --text-column: write one of them")
    if file == text == "-":
        raise click.UsageError("FILE - and --text -: only one of them can come from stdin")
    template = None if text is None else read_template(read_text(text))
    return BulkInput(
        file=file,
        encoding=options["encoding"],
        sheet=options["sheet"],
        message=_make_message(template, options),
        template=template,
        phone_column=options["phone_column"],
        text_column=(column or "text") if template is None else None,
        reference_column=options["reference_column"],
        is_literal=options["literal_braces"],
        key=options["key"],
        again=options["again"],
        on_unknown=options["on_unknown"],
        canary=options["canary"],
        max_failed=options["max_failed"],
        reference=options["reference"],
        tags=options["tags"],
        rejects_path=choose_rejects(file, options["rejects"], as_json=options["as_json"]),
    )


def check_places(template: Template, header: Sequence[str]) -> None:
    """Refuse a template that writes a column's place as other tools do.

    Raises:
        InvalidMessageError: Says what to write instead.
    """
    if found := Placeholders(header).find(template.source):
        raise InvalidMessageError(
            [
                f"text: {found.written} at character {found.at} is not how a column is written: "
                f"write {{{found.column}}}; or add --literal-braces, and it is sent as it is"
            ]
        )


@contextmanager
def open_table(
    file: str, encoding: str | None = None, sheet: str | None = None
) -> Iterator[tuple[Table, int]]:
    """Open a CSV file or a workbook, or stdin as `-`.

    Yields the table, and its size in bytes: 0 when that is not known.

    Raises:
        InvalidMessageError: It cannot be read.
    """
    with open_input(file, wanted="a CSV file", encoding=encoding, sheet=sheet) as found:
        yield Table(found.stream, found.name, found.encoding, found.delimiter), found.size


def _make_message(
    template: Template | None, options: Mapping[str, Any]
) -> BulkMessage | PersonalMessage:
    name = options["name"]
    shared = {"alphaname_id": options["alphaname_id"], "schedule_time": options["schedule"]}
    if template is None or template.text is None:
        return PersonalMessage(name=name, texts=[], **shared)
    return BulkMessage(name=name, text=template.text, phones=[], **shared)
