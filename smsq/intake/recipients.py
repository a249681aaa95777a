"""Reads the recipients of a bulk or personal message. Pure.

In:  a message as its caller writes it, and a list that collects mistakes. Out: phone and own text,
or None where the text is shared, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smsq.intake.fields import Fields
from smsq.models import BulkMessage, PersonalMessage
from smsq.text.phone_set import SeenPhones
from smsq.text.phones import mask_phone

_PAIR = 2


def read_recipients(
    message: BulkMessage | PersonalMessage, fields: Fields
) -> Iterator[tuple[str, str | None]]:
    """Read the recipients as they come; yields the good ones, each phone once.

    What is wrong with one is told with its place, counted from 1.
    """
    found_before = len(fields.mistakes)
    is_personal = isinstance(message, PersonalMessage)
    seen, place = SeenPhones(), 0
    for place, (raw, text) in enumerate(_rows(message, fields.mistakes), start=1):
        before = len(fields.mistakes)
        phone = fields.phone(raw)
        if is_personal:
            text = fields.text(text)
        if phone and not seen.add(int(phone)):
            fields.mistakes.append(f"phone {mask_phone(phone)} occurs twice: write it once")
        if len(fields.mistakes) == before:
            yield phone, text
        else:
            told = [f"recipient {place}: {m}" for m in fields.mistakes[before:]]
            fields.mistakes[before:] = told
    if not place and len(fields.mistakes) == found_before:
        fields.mistakes.append("no recipients: write at least one")


def _rows(
    message: BulkMessage | PersonalMessage, mistakes: list[str]
) -> Iterator[tuple[object, str | None]]:
    is_personal = isinstance(message, PersonalMessage)
    name = "texts" if is_personal else "phones"
    rows: object = getattr(message, name)
    if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        mistakes.append(f"{name} is {type(rows).__name__}: write a list")
        return
    for place, row in enumerate(rows, start=1):
        if not is_personal:
            yield row, None
        elif isinstance(row, tuple | list) and len(row) == _PAIR:
            yield row[0], row[1]
        else:
            # Told once: the rest of the list is most likely as wrong.
            mistakes.append(f"recipient {place} is no pair: write pairs of phone and text")
            return
