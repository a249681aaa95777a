"""Whom a campaign reaches: counted before it is sent. Pure.

In:  phones as a table has them. Out: the good ones, each once, and how many were left out and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smsq.settings import Settings
from smsq.text.phone_set import SeenPhones
from smsq.text.phones import mask_phone, normalize_phone

#: So many phones that are none are shown, masked.
_MOST_SHOWN = 5


@dataclass(slots=True)
class Reach:
    """What became of the phones so far.

    Attributes:
        recipients: Who gets the message.
        empty: Rows without a phone.
        twice: Rows whose phone came before.
        invalid: Rows whose phone is none.
        shown: The first of these, masked.
    """

    recipients: int = 0
    empty: int = 0
    twice: int = 0
    invalid: int = 0
    shown: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        """Rows that get no message."""
        return self.empty + self.twice + self.invalid

    def read(self, phones: Iterable[object], settings: Settings) -> Iterator[str]:
        """Yield each good phone once, and count them and the others.

        Args:
            phones: Strings, `PhoneNumber` of django-phonenumber-field, or None.
            settings: Say which region a national number is of.
        """
        seen = SeenPhones()
        for raw in phones:
            written = str(getattr(raw, "as_e164", raw) or "").strip()
            phone = written and normalize_phone(
                written, settings.default_region, accept_unknown=settings.accept_unknown_ranges
            )
            if not written:
                self.empty += 1
            elif not phone:
                self.invalid += 1
                if self.invalid <= _MOST_SHOWN:
                    self.shown = (*self.shown, mask_phone(written))
            elif not seen.add(int(phone)):
                self.twice += 1
            else:
                self.recipients += 1
                yield phone
