"""Gathering: single sends that are not urgent share one gateway request.

In:  one recipient at a time. Out: own ids; an open gathered job that takes the next send, too.

A gathered job is a bulk job of one personal message. It closes when it is full or SMSQ_GATHER_S
after it was opened, and then goes like any other.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import TypedDict, Unpack

from smsq.assembly import (
    assemble_quick,
    digest,
    in_ms,
    new_job_id,
    repeatable,
    shared_fields,
)
from smsq.intake import CheckedQuick, Intake
from smsq.jobs import Idempotency, NewJob, NewSend
from smsq.ledger import Ledger
from smsq.models import Kind, QuickMessage
from smsq.names import Task
from smsq.rings import Rings
from smsq.settings import Settings
from smsq.stored_id import StoredId


class GatherOptions(TypedDict, total=False):
    """What `Gathering.send_personal` takes beside phone and text."""

    alphaname_id: str | None
    key: str | None
    priority: str
    expires_in_s: float | None
    on_unknown: str | None
    again: bool


#: Sends in one gathered job: news of it looks for each one's place among all.
MOST_GATHERED = 2000


def assemble_send(checked: CheckedQuick, settings: Settings) -> tuple[NewSend, Idempotency]:
    """Make a send of a checked message, and what lets its call be repeated."""
    [(phone, _)] = checked.request.recipients.items()
    fields = shared_fields(checked.on_unknown, settings)
    fields |= {"kind": Kind.BULK, "priority": checked.priority, "is_gathered": "1"}
    most = min(settings.bulk_max_recipients, MOST_GATHERED)
    open_ms = round(settings.gather_s * 1000)
    shared = [checked.request.alphaname_id, sorted(fields.items()), most, open_ms]
    send = NewSend(
        job_id=new_job_id(),
        group=digest(json.dumps(shared)),
        fields=fields,
        alphaname_id=checked.request.alphaname_id,
        priority=checked.priority,
        phone=phone,
        text=checked.request.text or "",
        expires_in_ms=in_ms(checked.expires_in_s) if checked.expires_in_s else None,
        most=most,
        open_ms=open_ms,
    )
    return send, repeatable(checked)


def assemble(checked: CheckedQuick, settings: Settings) -> tuple[NewJob | NewSend, Idempotency]:
    """Make a job or a gathered send of a checked message, as it asks for."""
    if checked.is_gathered:
        return assemble_send(checked, settings)
    return assemble_quick(checked, settings)


class Gathering(ABC):
    """The part of `SmsQueue` that takes single messages, gathered or not."""

    settings: Settings
    _ledger: Ledger
    _rings: Rings

    @abstractmethod
    def redis_call(self, *, writes: bool) -> AbstractContextManager[None]:
        """Turn Redis' failures in the block into ours."""

    @abstractmethod
    def _intake(self) -> Intake:
        """Check against the settings and the time."""

    def put_quick(self, message: QuickMessage) -> StoredId:
        """Enqueue one message as `send_quick` does."""
        checked = self._intake().check_quick(message)
        if checked.is_gathered:
            send, once = assemble_send(checked, self.settings)
            with self.redis_call(writes=True):
                own_id, closed = self._ledger.gather(send, once)
            self._rings.ring(Task.SEND_BULK, closed, checked.priority)
            return own_id
        job, once = assemble_quick(checked, self.settings)
        with self.redis_call(writes=True):
            job_id = self._ledger.enqueue(job, once)
        if job_id.is_new and checked.due_at is None:
            self._rings.ring(Task.SEND_QUICK, [job_id], checked.priority)
        return job_id

    def send_personal(self, phone: str, text: str, **options: Unpack[GatherOptions]) -> StoredId:
        """Enqueue one text for one phone that may share a gateway request with others.

        It goes out together with all that is gathered for the same sender, at the latest
        SMSQ_GATHER_S later: a thousand such calls cost one request. The same as
        `send_quick(..., gather=True)`.

        Args:
            phone: As for `send_quick`.
            text: At most 10 parts.
            **options: `alphaname_id`, `key`, `again`, `on_unknown`, `expires_in_s` (more than
                SMSQ_GATHER_S) and `priority` (`normal` or `bulk`), each as for `send_quick`.

        Returns:
            The id of this send alone, `<job id>.<ordinal>.<tag>`; `status`, `recipients` and
            `cancel` take it like a job's. The tag is random: nobody guesses it from another's.

        Raises:
            InvalidMessageError: Nothing was stored; it carries every mistake.
            KeyConflictError: The key was used before with other content, or `again` is refused.
            QueueUnavailableError: Redis did not answer within 2 s.
        """
        return self.put_quick(QuickMessage(phone=phone, text=text, gather=True, **options))
