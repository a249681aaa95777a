"""Reads one field of a call: phone, sender, time, priority. Pure.

In:  what a caller wrote, and a list that collects mistakes. Out: the value, or a harmless stand-in
with one more mistake, so that all of a call's mistakes are told at once. No mistake repeats a text
or a full phone number.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from smsq.environment import parsers
from smsq.models import OnUnknown, QuickMessage, ViberForward
from smsq.names import PRIORITIES, Queue
from smsq.settings import Settings
from smsq.text.layout import compose
from smsq.text.parts import find_text_mistake
from smsq.text.phones import normalize_phone, say_phone_mistake

_LONGEST_EXPIRY_S = 366 * 24 * 3600
_VIBER_LEAST_MIN, _VIBER_MOST_MIN = 5, 60
_LARGEST_ID = 2**63 - 1


class Fields:
    """Reads fields against one set of settings.

    Args:
        settings: Default sender, region, zone.
        now: Aware; what is before it is past.
        mistakes: Collects one sentence per mistake.
    """

    def __init__(self, settings: Settings, now: datetime, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        self._settings = settings
        self._now = now

    def phone(self, raw: object) -> str:
        """Normalize a phone; "" when it is none."""
        if not isinstance(raw, str):
            self.mistakes.append(f"phone is {type(raw).__name__}: write a string")
            return ""
        settings = self._settings
        phone = normalize_phone(
            raw, settings.default_region, accept_unknown=settings.accept_unknown_ranges
        )
        if phone is None:
            self.mistakes.append(say_phone_mistake(raw, self._settings.default_region))
        return phone or ""

    def text(self, raw: object) -> str:
        """Take a text as it is sent (NFC); "" when it is none."""
        text = compose(raw) if isinstance(raw, str) else raw
        if mistake := find_text_mistake(text):
            self.mistakes.append(mistake)
        return text if isinstance(text, str) else ""

    def alphaname_id(self, raw: object) -> str:
        """Choose the sender; "" when there is none."""
        sender = self._settings.alphaname_id if raw is None else raw
        if not isinstance(sender, str):
            self.mistakes.append(f"alphaname_id is {type(raw).__name__}: write a string")
        elif not sender:
            self.mistakes.append("alphaname_id is missing: write one, or set SMSQ_ALPHANAME_ID")
        else:
            try:
                return parsers.alphaname_id(sender)
            except ValueError as error:
                self.mistakes.append(f"alphaname_id: {error}")
        return ""

    def key(self, raw: object) -> str | None:
        """Read the idempotency key; None for a call that is not to be repeatable."""
        if raw is None or (isinstance(raw, str) and raw.strip()):
            return raw
        said = "is empty" if isinstance(raw, str) else f"is {type(raw).__name__}"
        self.mistakes.append(f"key {said}: write a string of your own, or None for no key")
        return None

    def again(self, raw: object, key: object) -> bool:
        """Read whether what ended unsent is sent again; it needs the key that was used before."""
        if not isinstance(raw, bool):
            self.mistakes.append(f"again is {type(raw).__name__}: write True or False")
        elif raw and key is None:
            self.mistakes.append("again needs the key that was used before: write it, or no again")
        return raw is True

    def priority(self, raw: object) -> Queue:
        """Choose the priority."""
        if raw not in PRIORITIES:
            self.mistakes.append(f"priority: write one of: {', '.join(PRIORITIES)}")
            return Queue.NORMAL
        return Queue(str(raw))

    def on_unknown(self, raw: object) -> OnUnknown:
        """Choose what happens to a job that may have been accepted."""
        if raw is None:
            return self._settings.on_unknown
        if raw not in tuple(OnUnknown):
            self.mistakes.append(f"on_unknown: write one of: {', '.join(OnUnknown)}")
            return OnUnknown.HOLD
        return OnUnknown(str(raw))

    def viber(self, name_id: object, after_min: object) -> ViberForward | None:
        """Read the forwarding to Viber; None when it is not asked for."""
        if name_id is None and after_min is None:
            return None
        if not _is_whole(name_id, 1, _LARGEST_ID):
            self.mistakes.append(
                "viber_name_id: write your Viber name's id, a whole number above 0"
            )
        if after_min is None:
            after_min = _VIBER_MOST_MIN
        elif not _is_whole(after_min, _VIBER_LEAST_MIN, _VIBER_MOST_MIN):
            self.mistakes.append(
                f"viber_after_min: write whole minutes from {_VIBER_LEAST_MIN} to {_VIBER_MOST_MIN}"
            )
        if not isinstance(name_id, int) or not isinstance(after_min, int):
            return None
        return ViberForward(name_id=name_id, after_min=after_min)

    def moment(self, name: str, raw: object) -> datetime | None:
        """Bring a time to UTC; a naive one is the gateway's local time."""
        if raw is None:
            return None
        if not isinstance(raw, datetime):
            self.mistakes.append(f"{name} is {type(raw).__name__}: write a datetime")
            return None
        zone = ZoneInfo(self._settings.timezone)
        moment = raw.replace(tzinfo=zone) if raw.utcoffset() is None else raw
        if moment.year >= parsers.YEARS.stop:
            last = parsers.YEARS.stop - 1
            self.mistakes.append(
                f"{name} is after {last}: write a time nearer to now, or none for now"
            )
            return None
        try:
            moment = moment.astimezone(zone).astimezone(UTC)
        except OverflowError:
            self.mistakes.append(f"{name} is at the calendar's beginning: write a later time")
            return None
        if moment <= self._now:
            self.mistakes.append(f"{name} is in the past: write a later time, or none for now")
        return moment

    def expiry(self, expires_in_s: object, due_at: datetime | None) -> float | None:
        """Read the seconds from now on within which a message may be sent; None for ever."""
        if expires_in_s is None:
            return None
        seconds = expires_in_s if isinstance(expires_in_s, int | float) else math.nan
        if isinstance(expires_in_s, bool) or not 0 < seconds <= _LONGEST_EXPIRY_S:
            self.mistakes.append("expires_in_s: write seconds above 0, at most a year")
            return None
        if due_at and seconds <= (due_at - self._now).total_seconds():
            self.mistakes.append("expires_in_s ends before send_at: write more seconds")
        return seconds

    def gathered(self, message: QuickMessage) -> bool:
        """Say whether a message is gathered, and refuse what it cannot have then."""
        asked: object = message.gather
        if asked is not True:
            if asked is not False:
                self.mistakes.append(f"gather is {type(asked).__name__}: write True or False")
            return False
        instead = "or leave gather out"
        if message.priority == Queue.URGENT:
            self.mistakes.append(f"priority urgent does not wait: write normal or bulk, {instead}")
        if message.send_at is not None:
            self.mistakes.append(f"send_at does not go with gather: write none, {instead}")
        if message.viber_name_id is not None or message.viber_after_min is not None:
            self.mistakes.append(
                f"viber_name_id: the gateway forwards single messages only: write none, {instead}"
            )
        gather_s, expires_in_s = self._settings.gather_s, message.expires_in_s
        if isinstance(expires_in_s, int | float) and 0 < expires_in_s <= gather_s:
            self.mistakes.append(
                f"expires_in_s: write more than SMSQ_GATHER_S, {gather_s:g}, {instead}"
            )
        return True


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
