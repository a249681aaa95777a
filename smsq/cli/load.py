"""Brings rows into a campaign: good ones to the draft, bad ones to the rejects.

In:  a table. Out: a filled draft, a filled rejects file, duplicates counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smsq.campaign import CampaignDraft
from smsq.cli.rejects import Rejects
from smsq.cli.rows import Row, Table
from smsq.intake import Intake
from smsq.models import MessageRequest


@dataclass(slots=True, kw_only=True)
class Loader:
    """What it takes to judge a row.

    Attributes:
        head: The message that all rows belong to.
        text_column: None when all share one text.
        duplicates: Rows left out because their phone stands further up.
    """

    intake: Intake
    table: Table
    head: MessageRequest
    phone_column: int
    text_column: int | None
    rejects: Rejects
    duplicates: int = 0

    def load(self, draft: CampaignDraft) -> Iterator[None]:
        """Bring row after row into the draft; yields after each."""
        draft.start_message(self.head)
        for row in self.table.rows():
            text = None if self.text_column is None else row.cells[self.text_column]
            phone, mistakes = self._check(row, text)
            if mistakes:
                self.rejects.add(row, mistakes)
            elif not draft.add(phone, text):
                self.duplicates += 1
            yield

    def _check(self, row: Row, text: str | None) -> tuple[str, dict[str, str]]:
        if cells := self.table.count_extra(row):
            mistake = (
                f"{cells} cells below a header of {len(self.table.header)}: put quotation marks "
                f"around a cell that holds {self.table.delimiter!r}"
            )
            return "", {self.table.header[-1]: mistake}
        phone, mistakes = self.intake.check_row(row.cells[self.phone_column], text)
        columns = {"phone": self.phone_column, "text": self.text_column or 0}
        return phone, {self.table.header[columns[field]]: m for field, m in mistakes.items()}
