"""Sends when a transaction is committed: what is rolled back is never sent.

In:  a call within a transaction. Out: after its commit, a call of the queue; before it, an error
where the call is wrong.

After the commit nothing is raised: what the request saved is saved, and its visitor must not read
that it failed. An outage is logged, and `signals.not_queued` is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, Unpack, cast

from django.db import transaction

from smsq.campaigns.bulk_sends import Reach
from smsq.contrib.django.signals import not_queued
from smsq.errors import QueueUnavailableError, SmsqError, say_unforeseen
from smsq.frames import clear_failure
from smsq.gathering.gathering import put_checked, put_many_checked
from smsq.intake.mistakes import listed
from smsq.intake.recipients import LeftOut
from smsq.intake.values import read_text
from smsq.models import BulkMessage, PersonalMessage, QuickMessage
from smsq.options import (
    BulkOptions,
    OnInvalid,
    PersonalOptions,
    Phone,
    QuickOptions,
    SendOptions,
    Text,
)
from smsq.queue import SmsQueue

log = logging.getLogger("smsq.contrib.django")

_M = TypeVar("_M", bound=BulkMessage | PersonalMessage)


class DjangoQueue(SmsQueue):
    """`SmsQueue`, and the same calls for the end of a transaction.

    `*_on_commit` takes what the call of that name takes, and `using`, an alias of DATABASES. It
    checks at once, texts in lazy translation are read at once, and nothing is returned. Outside of
    a transaction it sends at once. After the commit it never raises: docs/django.md.
    """

    def send_quick_on_commit(
        self,
        phone: Phone,
        text: Text,
        *,
        using: str | None = None,
        **options: Unpack[QuickOptions],
    ) -> None:
        """Call `send_quick` when the transaction is committed.

        Raises:
            InvalidMessageError: At once: an argument is wrong.
        """
        checked = self._producer.intake().check_quick(
            QuickMessage(phone=phone, text=text, **options)
        )
        self._at_commit(partial(put_checked, self._producer, checked), using, options)

    def send_personal_on_commit(
        self,
        phone: Phone,
        text: Text,
        *,
        using: str | None = None,
        **options: Unpack[PersonalOptions],
    ) -> None:
        """Call `send_personal` when the transaction is committed.

        Raises:
            InvalidMessageError: At once: an argument is wrong.
        """
        self.send_quick_on_commit(phone, text, using=using, gather=True, **options)

    def send_quick_many_on_commit(
        self,
        messages: Iterable[QuickMessage],
        *,
        on_invalid: OnInvalid = "refuse",
        using: str | None = None,
    ) -> None:
        """Call `send_quick_many` when the transaction is committed.

        Raises:
            InvalidMessageError: At once, with every mistake.
        """
        left_out = LeftOut.check(on_invalid, "refuse")
        checked = self._producer.intake().check_quick_many(messages, left_out)
        self._at_commit(partial(put_many_checked, self._producer, checked), using, {})

    def send_bulk_on_commit(
        self,
        messages: Iterable[BulkMessage | PersonalMessage],
        *,
        using: str | None = None,
        **options: Unpack[BulkOptions],
    ) -> None:
        """Call `send_bulk` when the transaction is committed; until then, all rows are in memory.

        Raises:
            InvalidMessageError: At once, with every mistake that `send_bulk` would find.
        """
        kept = [_keep(message) for message in listed(messages)]
        if _is_rows(tags := options.get("tags")):
            options["tags"] = tuple(cast("Iterable[str]", tags))
        self.check_bulk(kept, **options)
        self._at_commit(partial(self.send_bulk, kept, **options), using, options)

    def check_bulk(
        self, messages: Iterable[BulkMessage | PersonalMessage], **options: Unpack[BulkOptions]
    ) -> Reach:
        """Check a campaign as `send_bulk` does, and say whom it would reach; nothing is sent.

        Raises:
            InvalidMessageError: With every mistake that `send_bulk` would find.
        """
        return self._bulk.check(messages, **options)

    def _at_commit(self, send: Callable[[], Any], using: str | None, options: SendOptions) -> None:
        transaction.on_commit(partial(self._send, send, options), using=using)

    def _send(self, send: Callable[[], Any], options: SendOptions) -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - the transaction is committed, whatever it is
            clear_failure(error, None)  # a receiver may hand it to an error tracker
            _tell(error)
            names = {"key": options.get("key"), "reference": options.get("reference")}
            not_queued.send_robust(sender=type(self), error=error, **names)


def _tell(failure: Exception) -> None:
    """Log it, without a traceback: its frames hold the text."""
    if isinstance(failure, QueueUnavailableError) and failure.may_be_stored:
        log.error("after the commit: an SMS may not be queued (%s)", failure)
    elif isinstance(failure, SmsqError):
        log.error("after the commit: an SMS is not queued (%s)", failure)
    else:
        log.error(say_unforeseen("after the commit: an SMS may not be queued", failure))


def _keep(message: _M) -> _M:
    """Read a message's rows and translations, to be checked now and sent later.

    What is none of its kind stays as it is, and the check says so.
    """
    name = cast(Text, read_text(getattr(message, "name", None)))
    if isinstance(message, BulkMessage) and _is_rows(message.phones):
        text = cast(Text, read_text(message.text))
        return replace(message, name=name, phones=list(message.phones), text=text)
    if isinstance(message, PersonalMessage) and _is_rows(message.texts):
        return replace(message, name=name, texts=[_keep_row(row) for row in message.texts])
    return message


def _is_rows(rows: object) -> bool:
    return isinstance(rows, Iterable) and not isinstance(rows, str | bytes)


def _keep_row(row: Any) -> Any:
    return tuple(map(read_text, row)) if isinstance(row, tuple | list) else row
