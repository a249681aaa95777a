"""A campaign in the making: recipients stream in, full jobs are stored out of sight as they fill.

In:  checked messages, recipient by recipient. Out: one live campaign, or nothing at all.

Nothing is sent before `commit`; a draft that is left behind goes away by itself within a day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from smsq.assembly import new_campaign_id, new_job_id
from smsq.errors import InvalidMessageError
from smsq.jobs import Idempotency, NewJob, Stored
from smsq.ledger import Ledger
from smsq.models import Kind, MessageRequest
from smsq.names import Queue


class CampaignDraft:
    """Packs messages into jobs, none above `max_recipients`; small messages share a job.

    Args:
        ledger: Where full jobs are staged.
        fields: Fields that every job of the campaign has.
        max_recipients: Recipients per gateway request.
        priority: Of every job.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        fields: Mapping[str, str],
        max_recipients: int,
        priority: Queue = Queue.BULK,
    ) -> None:
        self.id = new_campaign_id()
        self.job_ids: list[str] = []
        self.recipients = 0
        #: When the last of its messages begins to be sent, ms since 1970; 0: none is scheduled.
        self.starts_at_ms = 0
        self._ledger = ledger
        self._fields = {**fields, "campaign": self.id}
        self._max_recipients = max_recipients
        self._priority = priority
        self._content = hashlib.sha256()
        self._job: list[MessageRequest] = []
        # Recipients that go first, in jobs of their own, and are still to come.
        self._canary_left = int(fields.get("canary", 0))
        self._room = self._next_room()
        self._head: MessageRequest | None = None
        self._recipients: dict[str, str | None] = {}
        # Numbers take half the memory of the strings they came from.
        self._seen: set[int] = set()

    def start_message(self, head: MessageRequest) -> None:
        """Begin a message; `add` gives it its recipients.

        Raises:
            InvalidMessageError: It is scheduled, and the campaign has a canary.
        """
        # The rest would go out after its time, and nobody knows what the gateway makes of that.
        if self._canary_left and head.schedule_time:
            why = "its reports come after schedule_time: leave one of them out"
            raise InvalidMessageError([f"canary: {why}"])
        self._close_message()
        self._head = replace(head, recipients={})
        self.starts_at_ms = max(self.starts_at_ms, head.starts_at_ms)
        self._seen.clear()
        self._digest(head.name, head.alphaname_id, head.text, head.schedule_time)

    def add(self, phone: str, text: str | None) -> bool:
        """Add a recipient to the message begun last.

        Args:
            phone: In the gateway's form.
            text: None when it shares the message's.

        Returns:
            False when the message has this phone already: the first one stays.
        """
        if int(phone) in self._seen:
            return False
        self._seen.add(int(phone))
        self._recipients[phone] = text
        self.recipients += 1
        self._digest(phone, text)
        if len(self._recipients) == self._room:
            self._close_message()
            self._stage()
        return True

    def commit(self, once: Idempotency) -> tuple[Stored, str]:
        """Make the campaign live, all at once.

        Returns:
            What was done, and the campaign's id: the earlier one's when the key repeats.

        Raises:
            InvalidMessageError: It has no recipients.
            KeyConflictError: The key was used before with other content.
        """
        self._close_message()
        self._stage()
        if not self.job_ids:
            raise InvalidMessageError(["no recipients: write at least one"])
        once = replace(once, content=self._content.hexdigest())
        return self._ledger.commit(self.id, self.job_ids, once)

    def _close_message(self) -> None:
        if self._head and self._recipients:
            self._job.append(replace(self._head, recipients=self._recipients))
            self._room -= len(self._recipients)
            self._recipients = {}

    def _stage(self) -> None:
        if self._job:
            # Polling and its horizon begin when the gateway does.
            starts_at_ms = max(message.starts_at_ms for message in self._job)
            job = NewJob(
                id=new_job_id(),
                kind=Kind.BULK,
                priority=self._priority,
                fields={**self._fields, "starts_at_ms": str(starts_at_ms), **self._mark_canary()},
                messages=self._job,
            )
            self._ledger.stage([job])
            self.job_ids.append(job.id)
        self._job, self._room = [], self._next_room()

    def _next_room(self) -> int:
        return min(self._canary_left or self._max_recipients, self._max_recipients)

    def _mark_canary(self) -> dict[str, str]:
        """Fields of the job being staged; it counts against the canary."""
        if not self._canary_left:
            return {}
        size = sum(len(message.recipients) for message in self._job)
        self._canary_left = max(0, self._canary_left - size)
        return {"is_canary": "1"}

    def _digest(self, *values: str | None) -> None:
        self._content.update(json.dumps(values).encode())
