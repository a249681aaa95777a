"""Reads one field of a call: phone, sender, time, priority. Pure.

In:  what a caller wrote, and a list that collects mistakes. Out: the value, or a harmless stand-in
with one more mistake, so that all of a call's mistakes are told at once. No mistake repeats a text
or a full phone number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from smsq.environment import parsers
from smsq.intake.phones import read_destination
from smsq.intake.values import prepare_text, read_key, read_text
from smsq.mistakes import Mistake, MistakeCode
from smsq.models import OnUnknown, QuickMessage, ViberForward
from smsq.names import PRIORITIES, Queue
from smsq.settings import Settings
from smsq.text.parts import find_text_mistake
from smsq.text.phones import read_phone

_LONGEST_EXPIRY_S = 366 * 24 * 3600
_VIBER_LEAST_MIN, _VIBER_MOST_MIN = 5, 60
_LARGEST_ID = 2**63 - 1
#: As a caller writes it: here nobody looks at a clock.
_NOW = "datetime.now" + "(UTC)"


class Fields:
    """Reads fields against one set of settings.

    Args:
        settings: Default sender, region, zone.
        now: Aware; what is before it is past.
        mistakes: Collects what is wrong.
    """

    def __init__(self, settings: Settings, now: datetime, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        self._settings = settings
        self._now = now

    def add(self, code: MistakeCode, field: str, told: str) -> None:
        """Note one more mistake."""
        self.mistakes.append(Mistake(told, code, field))

    def phone(self, written: object) -> str:
        """Normalize a phone; "" when it is none."""
        raw = read_phone(written)
        if not isinstance(raw, str):
            told = f"phone is {type(raw).__name__}: write a string"
            self.add(MistakeCode.PHONE_TYPE, "phone", told)
            return ""
        phone, mistake = read_destination(raw, self._settings)
        if mistake:
            self.mistakes.append(mistake)
        return phone

    def text(self, written: object) -> str:
        """Take a text as it is sent (NFC); "" when it is none."""
        raw = read_text(written)
        text = prepare_text(raw, self._settings) if isinstance(raw, str) else raw
        if mistake := find_text_mistake(text):
            self.mistakes.append(mistake)
        return text if isinstance(text, str) else ""

    def alphaname_id(self, raw: object) -> str:
        """Choose the sender; "" when there is none."""
        sender = self._settings.alphaname_id if raw is None else raw
        code = MistakeCode.SENDER_INVALID
        if not isinstance(sender, str):
            self.add(code, "alphaname_id", f"alphaname_id is {type(raw).__name__}: write a string")
        elif not sender:
            code = MistakeCode.SENDER_MISSING if raw is None else code
            told = "alphaname_id is missing: write one, or set SMSQ_ALPHANAME_ID"
            self.add(code, "alphaname_id", told)
        else:
            try:
                return parsers.alphaname_id(sender)
            except ValueError as error:
                self.add(code, "alphaname_id", f"alphaname_id: {error}")
        return ""

    def key(self, written: object) -> str | None:
        """Read the idempotency key; None for a call that is not to be repeatable."""
        raw = read_key(written)
        if raw is None or (isinstance(raw, str) and raw.strip()):
            return raw
        said = "is empty" if isinstance(raw, str) else f"is {type(raw).__name__}"
        told = f"key {said}: write a string of your own, or None for no key"
        self.add(MistakeCode.KEY_INVALID, "key", told)
        return None

    def again(self, raw: object, key: object) -> bool:
        """Read whether what ended unsent is sent again; it needs the key that was used before."""
        code = MistakeCode.AGAIN_INVALID
        if not isinstance(raw, bool):
            self.add(code, "again", f"again is {type(raw).__name__}: write True or False")
        elif raw and key is None:
            told = "again needs the key that was used before: write it, or no again"
            self.add(code, "again", told)
        return raw is True

    def priority(self, raw: object) -> Queue:
        """Choose the priority."""
        if not isinstance(raw, str) or raw not in PRIORITIES:
            told = f"priority: write one of: {', '.join(PRIORITIES)}"
            self.add(MistakeCode.PRIORITY_UNKNOWN, "priority", told)
            return Queue.NORMAL
        return Queue(str(raw))

    def on_unknown(self, raw: object) -> OnUnknown:
        """Choose what happens to a job that may have been accepted."""
        if raw is None:
            return self._settings.on_unknown
        return OnUnknown(read_choice("on_unknown", raw, tuple(OnUnknown), self.mistakes))

    def viber(self, name_id: object, after_min: object) -> ViberForward | None:
        """Read the forwarding to Viber; None when it is not asked for."""
        if name_id is None and after_min is None:
            return None
        code = MistakeCode.OPTION_INVALID
        if not _is_whole(name_id, 1, _LARGEST_ID):
            told = "viber_name_id: write your Viber name's id, a whole number above 0"
            self.add(code, "viber_name_id", told)
        if after_min is None:
            after_min = _VIBER_MOST_MIN
        elif not _is_whole(after_min, _VIBER_LEAST_MIN, _VIBER_MOST_MIN):
            span = f"{_VIBER_LEAST_MIN} to {_VIBER_MOST_MIN}"
            self.add(code, "viber_after_min", f"viber_after_min: write whole minutes from {span}")
        if not isinstance(name_id, int) or not isinstance(after_min, int):
            return None
        return ViberForward(name_id=name_id, after_min=after_min)

    def moment(self, name: str, raw: object) -> datetime | None:
        """Bring an aware time to UTC."""
        if raw is None:
            return None
        if not isinstance(raw, datetime):
            told = f"{name} is {type(raw).__name__}: write a datetime"
            self.add(MistakeCode.TIME_TYPE, name, told)
            return None
        if raw.utcoffset() is None:
            told = (
                f"{name} has no time zone: write {_NOW} + timedelta(hours=4), or "
                f'datetime(2030, 11, 5, 9, 30, tzinfo=ZoneInfo("{self._settings.timezone}"))'
            )
            self.add(MistakeCode.TIME_NAIVE, name, told)
            return None
        code = MistakeCode.TIME_OUT_OF_RANGE
        if raw.year >= parsers.YEARS.stop:
            last = parsers.YEARS.stop - 1
            told = f"{name} is after {last}: write a time nearer to now, or none for now"
            self.add(code, name, told)
            return None
        try:
            moment = raw.astimezone(ZoneInfo(self._settings.timezone)).astimezone(UTC)
        except OverflowError:
            told = f"{name} is at the calendar's beginning: write a later time"
            self.add(code, name, told)
            return None
        if moment <= self._now:
            told = f"{name} is in the past: write a later time, or none for now"
            self.add(MistakeCode.TIME_PAST, name, told)
        return moment

    def expiry(self, raw: object, due_at: datetime | None) -> float | None:
        """Read the seconds from now on within which a message may be sent; None for ever."""
        if raw is None:
            return None
        code, seconds = MistakeCode.EXPIRY_INVALID, to_seconds(raw)
        if not 0 < seconds <= _LONGEST_EXPIRY_S:
            told = "expires_in_s: write seconds or a timedelta above 0, at most a year"
            self.add(code, "expires_in_s", told)
            return None
        if due_at and seconds <= (due_at - self._now).total_seconds():
            told = "expires_in_s ends before send_at: write more seconds"
            self.add(code, "expires_in_s", told)
        return seconds

    def gathered(self, message: QuickMessage) -> bool:
        """Say whether a message is gathered, and refuse what it cannot have then."""
        asked: object = message.gather
        if asked is not True:
            if asked is not False:
                told = f"gather is {type(asked).__name__}: write True or False"
                self.add(MistakeCode.OPTION_INVALID, "gather", told)
            return False
        code, instead = MistakeCode.OPTIONS_CONFLICT, "or leave gather out"
        if message.priority == "urgent":
            told = f"priority urgent does not wait: write normal or bulk, {instead}"
            self.add(code, "priority", told)
        if message.send_at is not None:
            self.add(code, "send_at", f"send_at does not go with gather: write none, {instead}")
        if message.viber_name_id is not None or message.viber_after_min is not None:
            told = "viber_name_id: the gateway forwards single messages only: write none"
            self.add(code, "viber_name_id", f"{told}, {instead}")
        gather_s = self._settings.gather_s
        if 0 < to_seconds(message.expires_in_s) <= gather_s:
            told = f"expires_in_s: write more than SMSQ_GATHER_S, {gather_s:g}, {instead}"
            self.add(MistakeCode.EXPIRY_INVALID, "expires_in_s", told)
        return True


def read_choice(name: str, raw: object, words: Sequence[str], mistakes: list[Mistake]) -> str:
    """Read one of some words; the first one is the stand-in for what is none."""
    if isinstance(raw, str) and raw in words:
        return str(raw)
    told = f"{name}: write one of: {', '.join(words)}"
    mistakes.append(Mistake(told, MistakeCode.CHOICE_UNKNOWN, name))
    return words[0]


def to_seconds(raw: object) -> float:
    """Read a duration; NaN for what is none."""
    if isinstance(raw, timedelta):
        return raw.total_seconds()
    return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else math.nan


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
