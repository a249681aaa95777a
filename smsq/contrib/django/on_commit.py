"""Sends when a transaction is committed: what is rolled back is never sent.

In:  a call within a transaction. Out: after its commit, a call of the queue; before it, an error
where the call is wrong.

After the commit nothing is raised: what the request saved is saved, and its visitor must not read
that it failed. An outage is logged, and `signals.not_queued` is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Unpack

from django.db import transaction

from smsq.contrib.django.signals import not_queued
from smsq.errors import QueueUnavailableError, SmsqError, say_unforeseen
from smsq.gathering.gathering import put_checked, put_many_checked
from smsq.models import QuickMessage
from smsq.options import Key, PersonalOptions, Phone, QuickOptions, Text
from smsq.queue import SmsQueue

log = logging.getLogger("smsq.contrib.django")


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
        self._at_commit(partial(put_checked, self._producer, checked), using, options.get("key"))

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
        self, messages: Iterable[QuickMessage], *, using: str | None = None
    ) -> None:
        """Call `send_quick_many` when the transaction is committed.

        Raises:
            InvalidMessageError: At once, with every mistake.
        """
        checked = self._producer.intake().check_quick_many(messages)
        self._at_commit(partial(put_many_checked, self._producer, checked), using, None)

    def _at_commit(self, send: Callable[[], Any], using: str | None, key: Key | None) -> None:
        transaction.on_commit(partial(self._send, send, key), using=using)

    def _send(self, send: Callable[[], Any], key: Key | None) -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - the transaction is committed, whatever it is
            _tell(error)
            not_queued.send_robust(sender=type(self), error=error, key=key)


def _tell(failure: Exception) -> None:
    """Log it, without a traceback: its frames hold the text."""
    if isinstance(failure, QueueUnavailableError) and failure.may_be_stored:
        log.error("after the commit: an SMS may not be queued (%s)", failure)
    elif isinstance(failure, SmsqError):
        log.error("after the commit: an SMS is not queued (%s)", failure)
    else:
        log.error(say_unforeseen("after the commit: an SMS may not be queued", failure))
