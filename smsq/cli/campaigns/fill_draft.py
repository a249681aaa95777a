"""Brings rows into a campaign: good ones to the draft, bad ones to the rejects.

In:  a table. Out: a filled draft, a filled rejects file, rows and duplicates counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smsq.cli.files.csv_rows import Row, Table
from smsq.cli.files.rejects import Rejects
from smsq.intake.intake import Filled, Intake
from smsq.intake.own_names import read_reference
from smsq.mistakes import Mistake
from smsq.models import MessageRequest
from smsq.text.placeholders import Placeholders
from smsq.text.template import Template, find_empty


@dataclass(slots=True, kw_only=True)
class Loader:
    """What it takes to judge a row.

    Attributes:
        head: The message that all rows belong to.
        text_columns: Of the text, or of the template; none when all share one text.
        reference_column: Of the row's own reference; None for none.
        template: None where the one text column is the text.
        places: Finds columns' places in such a text, which nobody fills in; None for texts that
            are meant as they stand.
        rows: Read so far.
        duplicates: Rows left out because their phone stands further up.
    """

    intake: Intake
    table: Table
    head: MessageRequest
    phone_column: int
    text_columns: Sequence[int]
    reference_column: int | None
    template: Template | None
    places: Placeholders | None
    rejects: Rejects
    rows: int = 0
    duplicates: int = 0

    def load(self, into: Filled) -> Iterator[None]:
        """Bring row after row into the draft; yields after each."""
        into.start_message(self.head)
        for row in self.table.rows():
            self.rows += 1
            phone, text, mistakes = self._check(row)
            reference, wrong = self._read_reference(row)
            if mistakes or wrong:
                self.rejects.add(row, mistakes | wrong)
            elif not into.add(phone, text, reference):
                self.duplicates += 1
            yield

    def _check(self, row: Row) -> tuple[str, str | None, dict[str, str]]:
        """Give the row's phone and its own text, and what is wrong by the name of the column."""
        header = self.table.header
        if cells := self.table.count_extra(row):
            mistake = (
                f"{cells} cells below a header of {len(header)}: put quotation marks "
                f"around a cell that holds {self.table.delimiter!r}"
            )
            return "", None, {header[-1]: mistake}
        text, empty = self._make_text(row)
        text = text and self.intake.prepare(text)
        phone, mistakes = self.intake.check_row(row.cells[self.phone_column], text)
        if not mistakes and not empty:
            return phone, text, {}
        names = {
            "phone": header[self.phone_column],
            "text": ", ".join(header[column] for column in self.text_columns),
        }
        return phone, text, {names[what]: told for what, told in mistakes.items()} | empty

    def _read_reference(self, row: Row) -> tuple[str | None, dict[str, str]]:
        """Read the row's own reference, and what is wrong with it; an empty cell has none."""
        if self.reference_column is None or self.table.count_extra(row):
            return None, {}
        mistakes: list[Mistake] = []
        cell = row.cells[self.reference_column].strip()
        reference = read_reference(mistakes, cell or None)
        header = self.table.header[self.reference_column]
        return reference, dict.fromkeys([header], mistakes[0]) if mistakes else {}

    def _make_text(self, row: Row) -> tuple[str | None, dict[str, str]]:
        """Make the row's own text; with what is empty where a template needs something."""
        if not self.text_columns:
            return None, {}
        if self.template is None:
            return self._check_text(row.cells[self.text_columns[0]])
        values = [row.cells[column].strip() for column in self.text_columns]
        if not all(values):
            names = [self.table.header[column] for column in self.text_columns]
            return None, find_empty(names, values)
        return self.template.fill(values), {}

    def _check_text(self, text: str) -> tuple[str, dict[str, str]]:
        """Look for a place for a column in a text that is no template."""
        found = self.places.find(text) if self.places else None
        if not found:
            return text, {}
        told = (
            f"holds {found.written}, the place of a column: fill it in, or write the text as "
            f"--text with {{{found.column}}}; --literal-braces sends it as it is"
        )
        return text, {self.table.header[self.text_columns[0]]: told}
