"""A campaign in the making: recipients stream in, full jobs are stored out of sight as they fill.

In:  checked messages, recipient by recipient. Out: one live campaign, or nothing at all.

Nothing is sent before `commit`; a draft that is left behind is taken away after a day. One with a
key goes on where an earlier one stopped: it is given the same recipients again from the first on,
and compares them with what is stored instead of storing them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import replace

from redis.exceptions import RedisError

from smsq.campaigns.staging import Earlier, Progress, Staging, find_terms
from smsq.errors import InvalidMessageError, KeyConflictError
from smsq.intake.new_jobs import digest, new_campaign_id, new_job_id
from smsq.ledger.stored_id import StoredId
from smsq.mistakes import Mistake, MistakeCode
from smsq.models import Kind, MessageRequest
from smsq.names import Queue
from smsq.records.jobs import Idempotency, NewJob
from smsq.text.phone_set import SeenPhones

log = logging.getLogger(__name__)

#: Messages in one job, however few recipients they have: its receipt names them all.
MOST_MESSAGES = 3000


class CampaignDraft:
    """Packs messages into jobs, none above `max_recipients`; small ones for one time share a job.

    Args:
        staging: Where full jobs are staged.
        fields: Fields that every job of the campaign has.
        max_recipients: Recipients per gateway request.
        priority: Of every job.
        key: Digest of the idempotency key, or "".
        earlier: What the key was used for before.

    Attributes:
        is_again: True when the key names a campaign that ended unsent, and this one takes it over.
        campaign_fields: More fields of the campaign's own hash, written by the commit.
        job_ids: Of the staged jobs, the earlier draft's among them.
        jobs: How many its recipients fill, staged or not; or how many were committed already.
        launched: Ids of the jobs that its commit made ready.
    """

    def __init__(
        self,
        staging: Staging,
        *,
        fields: Mapping[str, str],
        max_recipients: int,
        priority: Queue = Queue.BULK,
        key: str = "",
        earlier: Earlier | None = None,
    ) -> None:
        earlier = earlier or Earlier()
        self.id = ("" if earlier.is_committed else earlier.campaign) or new_campaign_id()
        self.key = key
        self.is_again = earlier.is_again
        self.campaign_fields: dict[str, str] = {}
        self.job_ids = list(earlier.job_ids)
        self.jobs = 0
        self.launched: list[str] = []
        self.recipients = 0
        self._staging = staging
        self._fields = {**fields, **earlier.names, "campaign": self.id}
        self._priority = priority
        self._is_committed = earlier.is_committed
        self._earlier_jobs = len(self.job_ids)
        self._mark = earlier.progress
        self._terms = digest(json.dumps([priority, find_terms(fields)], sort_keys=True))
        self._max_recipients = self._mark.most if self._mark else max_recipients  # cut alike
        self._content = hashlib.sha256()
        self._job: list[MessageRequest] = []
        # Recipients that go first, and are still to come.
        self._canary_left = int(fields.get("canary", 0))
        self._room = self._next_room()
        self._head: MessageRequest | None = None
        self._recipients, self._references = dict[str, str | None](), dict[str, str]()
        self._seen = SeenPhones()

    @property
    def resumed(self) -> int:
        """Recipients that the earlier draft with this key left staged."""
        return self._mark.recipients if self._mark else 0

    def start_message(self, head: MessageRequest) -> None:
        """Begin a message; `add` gives it its recipients.

        Raises:
            InvalidMessageError: It is scheduled, and the campaign has a canary.
            KeyConflictError: As for `add`.
        """
        # The rest would go out after its time, and nobody knows what the gateway makes of that.
        if self._canary_left and head.schedule_time:
            told = "canary: its reports come after schedule_time: leave one of them out"
            raise InvalidMessageError([Mistake(told, MistakeCode.OPTIONS_CONFLICT, "canary")])
        self._close_message()
        # Quiet hours hold a whole job: what begins at another time goes in a job of its own.
        if self._job and self._job[0].starts_at_ms != head.starts_at_ms:
            self._stage()
        if len(self._job) >= MOST_MESSAGES:
            self._stage()
        self._head = replace(head, recipients={})
        self._seen.clear()
        what = [head.name, head.alphaname_id, head.text, head.schedule_time]
        self._content.update(f"{json.dumps(what)}\n".encode())

    def add(self, phone: str, text: str | None, reference: str | None = None) -> bool:
        """Add a recipient to the message begun last.

        Args:
            phone: In the gateway's form.
            text: None when it shares the message's.
            reference: Its own, or None.

        Returns False when the message has this phone already.

        Raises:
            KeyConflictError: The earlier draft with this key had others; or it is in other hands.
        """
        if not self._seen.add(int(phone)):
            return False
        self._recipients[phone] = text
        self._references |= {phone: reference} if reference is not None else {}
        self.recipients += 1
        if len(self._recipients) == self._room:
            self._close_message()
            self._stage()
        return True

    def commit(self, once: Idempotency) -> StoredId:
        """Make the campaign live: one decision for all of it; then its jobs, or recover does.

        Returns:
            The campaign's id: the earlier one's when the key repeats.

        Raises:
            InvalidMessageError: It has no recipients.
            KeyConflictError: The key is not free.
        """
        self._close_message()
        self._stage()
        if not self.jobs:
            told = "no recipients: write at least one"
            raise InvalidMessageError([Mistake(told, MistakeCode.RECIPIENTS_EMPTY, "messages")])
        if self.jobs < self._earlier_jobs:
            raise _other_content()
        campaign_id = self._staging.commit(
            self.id,
            self._name,
            replace(once, content=self._content.hexdigest()),
            jobs=self.jobs,
            recipients=self.recipients,
            fields=self.campaign_fields,
        )
        try:
            if not campaign_id.is_new:
                self.jobs = self._staging.count_jobs(campaign_id)
            for job_ids in self._staging.launch(campaign_id):
                self.launched += job_ids
        except RedisError as error:
            log.warning("launch stopped, recover will go on: %s", type(error).__name__)
        return campaign_id

    def discard(self) -> None:
        """Give it up: what is staged is taken away soon."""
        if self.jobs >= self._earlier_jobs:
            self._staging.discard(self.id, self._name, jobs=self.jobs)

    @property
    def _name(self) -> str:
        return self.key or self.id

    def _close_message(self) -> None:
        if self._head and self._recipients:
            self._content.update("".join(map(_line, self._recipients.items())).encode())
            filled, own = self._recipients, self._references
            self._job.append(replace(self._head, recipients=filled, references=own))
            self._room -= len(filled)
            self._recipients, self._references = {}, {}

    def _stage(self) -> None:
        if not self._job:
            return
        self.jobs += 1
        if self.jobs == self._earlier_jobs and self._progress() != self._mark:
            raise _other_content()
        starts_at_ms = str(self._job[0].starts_at_ms)
        fields = {**self._fields, "starts_at_ms": starts_at_ms, **self._mark_canary()}
        fields |= {"has_references": "1"} if any(m.references for m in self._job) else {}
        if self.jobs > self._earlier_jobs and not self._is_committed:
            job = NewJob(
                id=new_job_id(),
                kind=Kind.BULK,
                priority=self._priority,
                fields=fields,
                messages=self._job,
            )
            self._is_committed = not self._staging.stage(
                job,
                self.id,
                self._name,
                before=self.jobs - 1,
                progress=self._progress(),
                is_again=self.is_again,
            )
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

    def _progress(self) -> Progress:
        return Progress(
            recipients=self.recipients,
            content=self._content.hexdigest(),
            most=self._max_recipients,
            terms=self._terms,
        )


def _line(recipient: tuple[str, str | None]) -> str:
    """Write a recipient for the digest; the text's length keeps two from looking like one."""
    phone, text = recipient
    return f"{phone}\n" if text is None else f"{phone} {len(text)} {text}\n"


def _other_content() -> KeyConflictError:
    began = (
        "a campaign was begun with this key and not finished, and it had other recipients, texts "
    )
    return KeyConflictError(f"{began}or options: repeat it as it was, or use a new key")
