"""Reads the recipients of a bulk or personal message. Pure.

In:  a message as its caller writes it, and what becomes of bad rows. Out: phone, own text, or None
where the text is shared, and own reference, one after the other; the rows that are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from smsq.intake.fields import Fields, read_choice
from smsq.intake.mistakes import refuse
from smsq.intake.own_names import read_reference
from smsq.mistakes import Mistake, MistakeCode, MistakeOwner
from smsq.models import BulkMessage, PersonalMessage
from smsq.options import ON_DUPLICATE, ON_INVALID
from smsq.text.phone_set import SeenPhones
from smsq.text.phones import mask_phone

_PAIR, _TRIPLE = 2, 3
#: Phone, own text, own reference.
Recipient = tuple[str, str | None, str | None]

#: Most rows kept of those that are left out; all are counted.
MOST_REJECTED = 1000


@dataclass(slots=True)
class LeftOut:
    """Which rows are left out instead of refused, and those that were; memory stays bounded.

    Attributes:
        skips_invalid: Rows with a mistake are left out.
        keeps_first: A phone's second row is left out.
        count: Rows left out.
        mistakes: Of the first of them, up to `MOST_REJECTED`.
        numbers: Of messages left out, where a call hands in many; all of them.
    """

    skips_invalid: bool = False
    keeps_first: bool = False
    count: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    @classmethod
    def check(cls, on_invalid: object, on_duplicate: object) -> Self:
        """Check what becomes of bad rows, as a call writes it.

        Raises:
            InvalidMessageError: It is none of the words.
        """
        mistakes: list[Mistake] = []
        invalid = read_choice("on_invalid", on_invalid, ON_INVALID, mistakes)
        duplicate = read_choice("on_duplicate", on_duplicate, ON_DUPLICATE, mistakes)
        refuse(mistakes)
        return cls(skips_invalid=invalid == "skip", keeps_first=duplicate == "first")

    def take(self, mistakes: Sequence[Mistake]) -> bool:
        """Leave a row out; False when its mistakes are to be refused."""
        if not all(self._skips(mistake) for mistake in mistakes):
            return False
        self.count += 1
        if len(self.mistakes) < MOST_REJECTED:
            self.mistakes.append(mistakes[0])
        return True

    def _skips(self, mistake: Mistake) -> bool:
        if mistake.owner is MistakeOwner.OPERATOR:
            return False
        is_second = mistake.code is MistakeCode.PHONE_REPEATED
        return self.keeps_first if is_second else self.skips_invalid


def read_recipients(
    message: BulkMessage | PersonalMessage, fields: Fields, number: int, left_out: LeftOut
) -> Iterator[Recipient]:
    """Read the recipients as they come; yields the good ones, each phone once.

    What is wrong with one is told with its place, counted from 1.

    Args:
        message: As its caller wrote it.
        fields: Reads phones and texts, and collects mistakes.
        number: Which message it is.
        left_out: Takes the rows that are not to be refused.
    """
    found_before = len(fields.mistakes)
    seen, place = SeenPhones(), 0
    for place, row in enumerate(_rows(message, fields, left_out), start=1):
        before = len(fields.mistakes)
        phone, text, reference = _read_row(message, row, fields)
        is_bad = len(fields.mistakes) > before
        # Who is left out does not stand in the way of a good row further down.
        if phone and not (is_bad and left_out.skips_invalid) and not seen.add(int(phone)):
            masked = mask_phone(phone)
            told = f"phone {masked} occurs twice: write it once"
            fields.mistakes.append(Mistake(told, MistakeCode.PHONE_REPEATED, "phone", phone=masked))
        if len(fields.mistakes) == before:
            yield phone, text, reference
            continue
        told_here = [mistake.of_recipient(place) for mistake in fields.mistakes[before:]]
        is_left_out = left_out.take([mistake.in_message(number) for mistake in told_here])
        fields.mistakes[before:] = [] if is_left_out else told_here
    if not place and len(fields.mistakes) == found_before:
        told = "no recipients: write at least one"
        fields.add(MistakeCode.RECIPIENTS_EMPTY, _name_of(message), told)


def _name_of(message: BulkMessage | PersonalMessage) -> str:
    return "texts" if isinstance(message, PersonalMessage) else "phones"


def _read_row(
    message: BulkMessage | PersonalMessage, row: Sequence[object] | None, fields: Fields
) -> Recipient:
    is_personal = isinstance(message, PersonalMessage)
    if row is None:
        pairs = "phone and text" if is_personal else "phone and reference, or phones"
        told = f"it is no pair: write pairs of {pairs}"
        fields.add(MistakeCode.RECIPIENTS_TYPE, _name_of(message), told)
        return "", None, None
    raw, *rest = row
    phone = fields.phone(raw)
    text = fields.text(rest.pop(0)) if is_personal else None
    return phone, text, read_reference(fields.mistakes, rest[0] if rest else None)


def _rows(
    message: BulkMessage | PersonalMessage, fields: Fields, left_out: LeftOut
) -> Iterator[Sequence[object] | None]:
    name = _name_of(message)
    rows: object = getattr(message, name)
    if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        told = f"{name} is {type(rows).__name__}: write a list"
        fields.add(MistakeCode.RECIPIENTS_TYPE, name, told)
        return
    lengths = {_PAIR} if name == "phones" else {_PAIR, _TRIPLE}
    for row in rows:
        is_row = isinstance(row, tuple | list)
        if name == "phones" and not is_row:
            yield (row,)
        elif is_row and len(row) in lengths:
            yield row
        else:
            yield None
            if not left_out.skips_invalid:
                # Told once: the rest of the list is most likely as wrong.
                return
