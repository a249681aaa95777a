"""Reads one field of a call: phone, sender, time, priority. Pure.

In:  what a caller wrote, and a list that collects mistakes. Out: the value, or a harmless stand-in
with one more mistake, so that all of a call's mistakes are told at once. No mistake repeats a text
or a full phone number.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from smsq.models import OnUnknown, ViberForward
from smsq.names import PRIORITIES, Queue
from smsq.settings import Settings
from smsq.text import mask_phone, normalize_phone

_MAX_ALPHANAME = 64
_LONGEST_EXPIRY_S = 366 * 24 * 3600
_VIBER_LEAST_MIN, _VIBER_MOST_MIN = 5, 60


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
        phone = normalize_phone(raw, self._settings.default_region)
        if phone is None:
            shown = mask_phone(raw) or "without digits"
            self.mistakes.append(f"phone {shown} is not valid: write it like +375 29 123-45-67")
        return phone or ""

    def alphaname_id(self, raw: object) -> str:
        """Choose the sender; "" when there is none."""
        sender = self._settings.alphaname_id if raw is None else raw
        if not isinstance(sender, str):
            self.mistakes.append(f"alphaname_id is {type(raw).__name__}: write a string")
        elif not sender:
            self.mistakes.append("alphaname_id is missing: write one, or set SMSQ_ALPHANAME_ID")
        elif len(sender) > _MAX_ALPHANAME or not sender.isalnum():
            self.mistakes.append(f"alphaname_id: write 1 to {_MAX_ALPHANAME} letters or digits")
        else:
            return sender
        return ""

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
        if not _is_whole(name_id, 1, math.inf):
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
        moment = raw.replace(tzinfo=zone) if raw.tzinfo is None else raw
        if moment <= self._now:
            self.mistakes.append(f"{name} is in the past: write a later time, or none for now")
        return moment.astimezone(UTC)

    def expiry(self, expires_in_s: object, due_at: datetime | None) -> datetime | None:
        """Turn seconds from now into a time; None for never."""
        if expires_in_s is None:
            return None
        seconds = expires_in_s if isinstance(expires_in_s, int | float) else math.nan
        if isinstance(expires_in_s, bool) or not 0 < seconds <= _LONGEST_EXPIRY_S:
            self.mistakes.append("expires_in_s: write seconds above 0, at most a year")
            return None
        expires_at = datetime.fromtimestamp(self._now.timestamp() + seconds, UTC)
        if due_at and expires_at <= due_at:
            self.mistakes.append("expires_in_s ends before send_at: write more seconds")
        return expires_at


def _is_whole(value: object, least: float, most: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
