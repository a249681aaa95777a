"""Checks what a caller wants sent, before anything is stored. Pure.

In:  messages as callers write them. Out: requests ready to go, or `InvalidMessageError` with every
mistake found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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
from smsq.settings import Settings
from smsq.text import find_text_mistake, mask_phone

#: Most mistakes told at once; a list of a million bad phones helps nobody.
MAX_MISTAKES = 100

_MAX_NAME = 200
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedQuick:
    """A quick message that can be sent.

    Attributes:
        key: The caller's idempotency key, None for none.
        due_at: UTC; None for now.
        expires_at: UTC; None for never.
    """

    request: MessageRequest
    key: str | None
    priority: Queue
    on_unknown: OnUnknown
    viber: ViberForward | None
    due_at: datetime | None
    expires_at: datetime | None


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
        for place, message in enumerate(messages, start=1):
            fields = self._fields()
            checked.append(self._read_quick(message, fields))
            mistakes += [f"message {place}: {mistake}" for mistake in fields.mistakes]
        _refuse(mistakes)
        return checked

    def check_bulk(self, messages: Sequence[BulkMessage | PersonalMessage]) -> list[MessageRequest]:
        """Check the messages of one campaign.

        Raises:
            InvalidMessageError: With every mistake found, up to `MAX_MISTAKES`.
        """
        mistakes = [] if messages else ["messages is empty: write at least one"]
        requests = []
        for place, message in enumerate(messages, start=1):
            fields = self._fields()
            head = self._read_head(message, fields)
            requests.append(replace(head, recipients=_read_recipients(message, fields)))
            mistakes += [f"message {place}: {mistake}" for mistake in fields.mistakes]
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

    def check_row(self, phone: str, text: str | None) -> tuple[str, list[str]]:
        """Check one recipient that streams in; `text` None means it shares the message's.

        Returns:
            The phone in the gateway's form, and the mistakes found.
        """
        fields = self._fields()
        normal = fields.phone(phone)
        if text is not None:
            fields.mistakes += _only(find_text_mistake(text))
        return normal, fields.mistakes

    def check_on_unknown(self, raw: str | None) -> OnUnknown:
        """Check a campaign's choice for jobs that may have been accepted.

        Raises:
            InvalidMessageError: It is none of the words.
        """
        fields = self._fields()
        choice = fields.on_unknown(raw)
        _refuse(fields.mistakes)
        return choice

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
            key=message.key,
            priority=fields.priority(message.priority),
            on_unknown=fields.on_unknown(message.on_unknown),
            viber=fields.viber(message.viber_name_id, message.viber_after_min),
            due_at=due_at,
            expires_at=fields.expiry(message.expires_in_s, due_at),
        )

    def _read_head(self, message: BulkMessage | PersonalMessage, fields: Fields) -> MessageRequest:
        if not isinstance(message.name, str) or not 0 < len(message.name.strip()) <= _MAX_NAME:
            fields.mistakes.append(f"name: write 1 to {_MAX_NAME} characters")
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
        )


def _read_recipients(
    message: BulkMessage | PersonalMessage, fields: Fields
) -> dict[str, str | None]:
    recipients: dict[str, str | None] = {}
    for place, (raw, text) in enumerate(_rows(message, fields.mistakes), start=1):
        before = len(fields.mistakes)
        phone = fields.phone(raw)
        if isinstance(message, PersonalMessage):
            fields.mistakes += _only(find_text_mistake(text))
        if phone and phone in recipients:
            fields.mistakes.append(f"phone {mask_phone(phone)} stands twice: write it once")
        recipients[phone] = text
        fields.mistakes[before:] = [f"recipient {place}: {m}" for m in fields.mistakes[before:]]
    if not recipients:
        fields.mistakes.append("no recipients: write at least one")
    return recipients


def _rows(
    message: BulkMessage | PersonalMessage, mistakes: list[str]
) -> Iterator[tuple[object, str | None]]:
    rows: object = message.phones if isinstance(message, BulkMessage) else message.texts
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        mistakes.append("recipients: write a list")
        return
    for row in rows:
        if isinstance(message, BulkMessage):
            yield row, None
        elif isinstance(row, tuple | list) and len(row) == _PAIR:
            yield row[0], row[1]
        else:
            mistakes.append("recipients of a personal message: write pairs of phone and text")
            return


def _only(mistake: str | None) -> Iterable[str]:
    return [mistake] if mistake else []


def _refuse(mistakes: list[str]) -> None:
    if len(mistakes) > MAX_MISTAKES:
        more = len(mistakes) - MAX_MISTAKES
        mistakes = [*mistakes[:MAX_MISTAKES], f"... and {more} more mistakes"]
    if mistakes:
        raise InvalidMessageError(mistakes)
