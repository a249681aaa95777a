"""Checks what a caller wants sent, before anything is stored. Pure.

In:  messages as callers write them. Out: requests ready to go, or `InvalidMessageError` with every
mistake found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from smsq.domain.own_names import OwnNames
from smsq.intake.fields import Fields
from smsq.intake.mistakes import MAX_NAME, is_name, is_one_of, listed, refuse
from smsq.intake.own_names import read_names
from smsq.intake.phones import read_destination
from smsq.intake.recipients import LeftOut, read_recipients
from smsq.intake.values import prepare_text, read_text
from smsq.mistakes import Mistake, MistakeCode
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
from smsq.text.layout import compose
from smsq.text.parts import find_text_mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedQuick:
    """A quick message that can be sent.

    Attributes:
        key: The caller's idempotency key, None for none.
        is_again: True to send again what ended unsent for certain under this key.
        due_at: UTC, by the caller's clock; None for now.
        due_in_s: Seconds until then by the same clock; 0 for now. The ledger gets these.
        expires_in_s: None for never.
        names: The caller's own.
    """

    request: MessageRequest
    key: str | None
    is_again: bool
    priority: Queue
    on_unknown: OnUnknown
    viber: ViberForward | None
    due_at: datetime | None
    due_in_s: float
    expires_in_s: float | None
    is_gathered: bool
    names: OwnNames


class Filled(Protocol):
    """What messages and recipients stream into."""

    def start_message(self, head: MessageRequest) -> None:
        """Begin a message."""

    def add(self, phone: str, text: str | None, reference: str | None = None) -> bool:
        """Add a recipient to the message begun last; False when it has this phone already."""
        ...


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
        refuse(fields.mistakes)
        return checked

    def check_quick_many(
        self, messages: Iterable[QuickMessage], left_out: LeftOut | None = None
    ) -> list[CheckedQuick]:
        """Check many quick messages; returns the good ones.

        Raises:
            InvalidMessageError: With every mistake found, up to `MAX_MISTAKES`.
        """
        mistakes: list[Mistake] = []
        checked, left_out = [], left_out or LeftOut()
        for place, message in enumerate(listed(messages), start=1):
            fields = self._fields()
            is_message = is_one_of(QuickMessage, message=message, mistakes=fields.mistakes)
            read = self._read_quick(message, fields) if is_message else None
            found = [mistake.in_message(place) for mistake in fields.mistakes]
            if found and left_out.take(found):
                left_out.numbers.add(place)
            elif read and not found:
                checked.append(read)
            else:
                mistakes += found
        refuse(mistakes)
        return checked

    def check_bulk(
        self,
        messages: Iterable[BulkMessage | PersonalMessage],
        into: Filled | None,
        mistakes: list[Mistake],
        left_out: LeftOut | None = None,
    ) -> None:
        """Check a campaign's messages as they stream in, and hand on what is good.

        After the first mistake nothing is handed on any more: none of it will be sent.

        Args:
            messages: Read once, and so are their phones or texts.
            into: Takes messages and recipients; None checks only.
            mistakes: Found before.
            left_out: Takes the rows that are left out instead of refused; None refuses all.

        Raises:
            InvalidMessageError: With every mistake found, up to `MAX_MISTAKES`.
        """
        place, left_out = 0, left_out or LeftOut()
        for place, message in enumerate(listed(messages), start=1):
            fields = self._fields()
            if is_one_of(BulkMessage, PersonalMessage, message=message, mistakes=fields.mistakes):
                head = self._read_head(message, fields)
                into = None if mistakes or fields.mistakes else into
                if into:
                    into.start_message(head)
                for recipient in read_recipients(message, fields, place, left_out):
                    if into and not fields.mistakes:
                        into.add(*recipient)
            mistakes += [mistake.in_message(place) for mistake in fields.mistakes]
        if not place:
            told = "messages is empty: write at least one"
            mistakes.append(Mistake(told, MistakeCode.MESSAGES_EMPTY, "messages"))
        refuse(mistakes)

    def read_shared(
        self, *, key: object, again: object = False, on_unknown: object
    ) -> tuple[str | None, OnUnknown, list[Mistake]]:
        """Read what is asked for all of a campaign; with what is wrong with it."""
        fields = self._fields()
        fields.again(again, key)
        return fields.key(key), fields.on_unknown(on_unknown), fields.mistakes

    def check_head(self, message: BulkMessage | PersonalMessage) -> MessageRequest:
        """Check all of a message but its recipients, which stream in later; raises as others."""
        fields = self._fields()
        head = self._read_head(message, fields)
        refuse(fields.mistakes)
        return head

    def prepare(self, text: str) -> str:
        """Write a text of a row as it is sent."""
        return prepare_text(text, self._settings)

    def check_row(self, phone: str, text: str | None) -> tuple[str, dict[str, Mistake]]:
        """Check one recipient that streams in; `text` None means it shares the message's.

        Returns the phone in the gateway's form, and the mistakes found, by `phone` and `text`.
        """
        mistakes: dict[str, Mistake] = {}
        normal, mistake = read_destination(phone, self._settings)
        if mistake:
            mistakes["phone"] = mistake
        if text is not None and (mistake := find_text_mistake(text)):
            mistakes["text"] = mistake
        return normal, mistakes

    def _fields(self) -> Fields:
        return Fields(self._settings, self._now, [])

    def _read_quick(self, message: QuickMessage, fields: Fields) -> CheckedQuick:
        phone = fields.phone(message.phone)
        text = fields.text(message.text)
        request = MessageRequest(
            name="",
            alphaname_id=fields.alphaname_id(message.alphaname_id),
            text=text,
            recipients={phone: None},
        )
        due_at = fields.moment("send_at", message.send_at)
        return CheckedQuick(
            request=request,
            key=fields.key(message.key),
            is_again=fields.again(message.again, message.key),
            priority=fields.priority(message.priority),
            on_unknown=fields.on_unknown(message.on_unknown),
            viber=fields.viber(message.viber_name_id, message.viber_after_min),
            due_at=due_at,
            due_in_s=(due_at - self._now).total_seconds() if due_at else 0.0,
            expires_in_s=fields.expiry(message.expires_in_s, due_at),
            is_gathered=fields.gathered(message),
            names=read_names(fields.mistakes, message.reference, message.tags),
        )

    def _read_head(self, message: BulkMessage | PersonalMessage, fields: Fields) -> MessageRequest:
        name = read_text(message.name)
        if not is_name(name):
            told = f"name: write 1 to {MAX_NAME} characters on one line"
            fields.add(MistakeCode.NAME_INVALID, "name", told)
        text = fields.text(message.text) if isinstance(message, BulkMessage) else None
        moment = fields.moment("schedule_time", message.schedule_time)
        # The gateway reads its own local time, without a zone.
        local = moment.astimezone(ZoneInfo(self._settings.timezone)) if moment else None
        return MessageRequest(
            name=compose(str(name)),
            alphaname_id=fields.alphaname_id(message.alphaname_id),
            text=text,
            recipients={},
            schedule_time=local.strftime("%Y-%m-%dT%H:%M:%S") if local else None,
            starts_at_ms=round(moment.timestamp() * 1000) if moment else 0,
        )
