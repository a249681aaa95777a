"""Checks what a caller wants sent, before anything is stored. Pure.

In:  messages as callers write them. Out: requests ready to go, or `InvalidMessageError` with every
mistake found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from smsq.errors import InvalidMessageError
from smsq.fields import Fields
from smsq.models import (
    BulkMessage,
    MessageRequest,
    OnUnknown,
    PersonalMessage,
    QuickMessage,
    ViberForward,
)
from smsq.names import Queue
from smsq.recipients import read_recipients
from smsq.settings import Settings
from smsq.text import find_text_mistake

#: Most mistakes told at once; a list of a million bad phones helps nobody.
MAX_MISTAKES = 100

_MAX_NAME = 200
_M = TypeVar("_M")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedQuick:
    """A quick message that can be sent.

    Attributes:
        key: The caller's idempotency key, None for none.
        due_at: UTC; None for now.
        due_in_s: Seconds until then; 0 for now.
        expires_at: UTC; None for never.
    """

    request: MessageRequest
    key: str | None
    priority: Queue
    on_unknown: OnUnknown
    viber: ViberForward | None
    due_at: datetime | None
    due_in_s: float
    expires_at: datetime | None
    is_gathered: bool


class Intake:
    """Checks messages against one set of settings.

    Args:
        settings: Default sender, region, zone, limits.
        now: Aware; tests pass their own.
    """

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._settings = settings
        self._now = now

    def check_quick(self, message: QuickMessage) -> CheckedQuick:
        """Check one quick message.

        Raises:
            InvalidMessageError: With every mistake found.
        """
        fields = self._fields()
        checked = self._read_quick(message, fields)
        _refuse(fields.mistakes)
        return checked

    def check_quick_many(self, messages: Iterable[QuickMessage]) -> list[CheckedQuick]:
        """Check many quick messages.

        Raises:
            InvalidMessageError: With every mistake found, up to `MAX_MISTAKES`.
        """
        mistakes: list[str] = []
        checked = []
        for place, message in enumerate(_listed(messages), start=1):
            fields = self._fields()
            if _is_one_of(QuickMessage, message=message, mistakes=fields.mistakes):
                checked.append(self._read_quick(message, fields))
            mistakes += [f"message {place}: {mistake}" for mistake in fields.mistakes]
        _refuse(mistakes)
        return checked

    def check_bulk(
        self,
        messages: Iterable[BulkMessage | PersonalMessage],
        *,
        key: str | None = None,
        on_unknown: str | None = None,
    ) -> list[MessageRequest]:
        """Check one campaign: its messages, and what is asked for all of it.

        Raises:
            InvalidMessageError: With every mistake found, up to `MAX_MISTAKES`.
        """
        shared = self._fields()
        shared.key(key)
        shared.on_unknown(on_unknown)
        mistakes, requests = shared.mistakes, []
        place = 0
        for place, message in enumerate(_listed(messages), start=1):
            fields = self._fields()
            if _is_one_of(BulkMessage, PersonalMessage, message=message, mistakes=fields.mistakes):
                head = self._read_head(message, fields)
                requests.append(replace(head, recipients=read_recipients(message, fields)))
            mistakes += [f"message {place}: {mistake}" for mistake in fields.mistakes]
        if not place:
            mistakes.append("messages is empty: write at least one")
        _refuse(mistakes)
        return requests

    def check_head(self, message: BulkMessage | PersonalMessage) -> MessageRequest:
        """Check all of a message but its recipients, which stream in later.

        Raises:
            InvalidMessageError: With every mistake found.
        """
        fields = self._fields()
        head = self._read_head(message, fields)
        _refuse(fields.mistakes)
        return head

    def check_row(self, phone: str, text: str | None) -> tuple[str, dict[str, str]]:
        """Check one recipient that streams in; `text` None means it shares the message's.

        Returns:
            The phone in the gateway's form, and the mistakes found, by `phone` and `text`.
        """
        fields = self._fields()
        normal = fields.phone(phone)
        mistakes = {"phone": fields.mistakes[0]} if fields.mistakes else {}
        if text is not None and (mistake := find_text_mistake(text)):
            mistakes["text"] = mistake
        return normal, mistakes

    def check_on_unknown(self, raw: str | None) -> OnUnknown:
        """Check a campaign's choice for jobs that may have been accepted.

        Raises:
            InvalidMessageError: It is none of the words.
        """
        fields = self._fields()
        choice = fields.on_unknown(raw)
        _refuse(fields.mistakes)
        return choice

    def check_key(self, raw: str | None) -> str | None:
        """Check a campaign's idempotency key.

        Raises:
            InvalidMessageError: It is empty or no string.
        """
        fields = self._fields()
        key = fields.key(raw)
        _refuse(fields.mistakes)
        return key

    def _fields(self) -> Fields:
        return Fields(self._settings, self._now, [])

    def _read_quick(self, message: QuickMessage, fields: Fields) -> CheckedQuick:
        phone = fields.phone(message.phone)
        fields.mistakes += _only(find_text_mistake(message.text))
        request = MessageRequest(
            name="",
            alphaname_id=fields.alphaname_id(message.alphaname_id),
            text=message.text,
            recipients={phone: None},
        )
        due_at = fields.moment("send_at", message.send_at)
        return CheckedQuick(
            request=request,
            key=fields.key(message.key),
            priority=fields.priority(message.priority),
            on_unknown=fields.on_unknown(message.on_unknown),
            viber=fields.viber(message.viber_name_id, message.viber_after_min),
            due_at=due_at,
            due_in_s=(due_at - self._now).total_seconds() if due_at else 0.0,
            expires_at=fields.expiry(message.expires_in_s, due_at),
            is_gathered=fields.gathered(message),
        )

    def _read_head(self, message: BulkMessage | PersonalMessage, fields: Fields) -> MessageRequest:
        if not _is_name(message.name):
            fields.mistakes.append(f"name: write 1 to {_MAX_NAME} characters on one line")
        text = message.text if isinstance(message, BulkMessage) else None
        if isinstance(message, BulkMessage):
            fields.mistakes += _only(find_text_mistake(text))
        moment = fields.moment("schedule_time", message.schedule_time)
        # The gateway reads its own local time, without a zone.
        local = moment.astimezone(ZoneInfo(self._settings.timezone)) if moment else None
        return MessageRequest(
            name=message.name,
            alphaname_id=fields.alphaname_id(message.alphaname_id),
            text=text,
            recipients={},
            schedule_time=local.strftime("%Y-%m-%dT%H:%M:%S") if local else None,
            starts_at_ms=round(moment.timestamp() * 1000) if moment else 0,
        )


def _is_name(name: object) -> bool:
    """Neither the gateway nor its receipts could repeat a control character or half a one."""
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _MAX_NAME:
        return False
    return not any(unicodedata.category(c) in {"Cc", "Cs"} for c in name)


def _listed(messages: Iterable[_M]) -> Iterable[_M]:
    if isinstance(messages, Iterable):
        return messages
    raise InvalidMessageError([f"messages is {type(messages).__name__}: write a list of messages"])


def _is_one_of(*kinds: type, message: object, mistakes: list[str]) -> bool:
    if isinstance(message, kinds):
        return True
    names = " or ".join(kind.__name__ for kind in kinds)
    mistakes.append(f"it is {type(message).__name__}: write a {names}")
    return False


def _only(mistake: str | None) -> Iterable[str]:
    return [mistake] if mistake else []


def _refuse(mistakes: list[str]) -> None:
    if len(mistakes) > MAX_MISTAKES:
        more = len(mistakes) - MAX_MISTAKES
        mistakes = [*mistakes[:MAX_MISTAKES], f"... and {more} more mistakes"]
    if mistakes:
        raise InvalidMessageError(mistakes)
