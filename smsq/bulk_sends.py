"""Campaigns, as a web app enqueues them: the part of `SmsQueue` that streams.

In:  messages, or recipients as they come. Out: one live campaign, or nothing at all.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager

from smsq.assembly import key_ttl_ms, make_repeatable, shared_fields
from smsq.brakes import BrakePlan
from smsq.campaign import CampaignDraft
from smsq.errors import InvalidMessageError
from smsq.intake import Intake
from smsq.jobs import Idempotency, Stored
from smsq.ledger import Ledger
from smsq.models import BulkMessage, PersonalMessage
from smsq.names import Queue, Task
from smsq.rings import Rings
from smsq.settings import Settings


class BulkSends(ABC):
    """What `SmsQueue` does with campaigns."""

    settings: Settings
    _ledger: Ledger
    _rings: Rings

    @abstractmethod
    def redis_call(self, *, writes: bool, in_pieces: bool = False) -> AbstractContextManager[None]:
        """Turn Redis' failures in the block into ours."""

    @abstractmethod
    def _intake(self) -> Intake: ...

    def send_bulk(
        self,
        messages: Iterable[BulkMessage | PersonalMessage],
        *,
        key: str | None = None,
        on_unknown: str | None = None,
        canary: int | None = None,
        max_failed: float | None = None,
    ) -> str:
        """Enqueue a campaign: some texts for many phones, all or nothing.

        Args:
            messages: Read once, in constant memory, and so are their phones or texts. At most
                `SMSQ_BULK_MAX_RECIPIENTS` recipients go in one gateway request; larger messages are
                split, smaller ones share a request.
            key: Makes the call repeatable; one that was interrupted goes on where it stopped.
            on_unknown: `hold` or `resend`; None means `SMSQ_ON_UNKNOWN`.
            canary: So many recipients go first; the rest follows when their reports are good.
            max_failed: Share of failed recipients, 0.1 for a tenth. A canary stays below, and the
                campaign stops itself above. None: 0.1 with a canary, else no bound.

        Returns:
            The campaign's id.

        Raises:
            InvalidMessageError: Nothing is sent; it carries every mistake, up to 100.
            KeyConflictError: The key was used before with other content, or another call with it
                is at work.
            QueueUnavailableError: Redis did not answer; nothing is sent unless it says otherwise.
        """
        intake = self._intake()
        mistakes = intake.find_mistakes(key=key, on_unknown=on_unknown)
        draft = None
        if not mistakes:
            draft = self.draft_campaign(
                key=key, on_unknown=on_unknown, canary=canary, max_failed=max_failed
            )
        self._stage(messages, intake, draft, mistakes)
        assert draft is not None  # noqa: S101 - else there were mistakes
        return self.commit_campaign(draft)[1]

    def _stage(
        self,
        messages: Iterable[BulkMessage | PersonalMessage],
        intake: Intake,
        draft: CampaignDraft | None,
        mistakes: list[str],
    ) -> None:
        """Check messages into the draft; nothing is live before the commit."""
        with self.redis_call(writes=False):
            try:
                intake.check_bulk(messages, draft, mistakes)
            except InvalidMessageError:
                if draft:
                    draft.discard()
                raise

    def draft_campaign(
        self,
        *,
        key: str | None = None,
        on_unknown: str | None = None,
        canary: int | None = None,
        max_failed: float | None = None,
    ) -> CampaignDraft:
        """Begin a campaign whose recipients stream in, or go on with one; see `commit_campaign`.

        Args:
            key: Of a draft that was interrupted: give it the same recipients again from the first
                on, and it goes on where it stopped.
            on_unknown: `hold` or `resend`; None means `SMSQ_ON_UNKNOWN`.
            canary: As for `send_bulk`.
            max_failed: As for `send_bulk`.

        Raises:
            InvalidMessageError: The key is empty, or canary or bound are none.
            QueueUnavailableError: Redis did not answer.
        """
        intake = self._intake()
        once = make_repeatable(intake.check_key(key), self.settings)
        choice = intake.check_on_unknown(on_unknown)
        plan = BrakePlan.check(canary, max_failed)
        earlier = None
        if once.key:
            with self.redis_call(writes=False):
                earlier = self._ledger.find_earlier(once.key)
        return CampaignDraft(
            self._ledger,
            fields=shared_fields(choice, self.settings) | plan.fields(self.settings),
            max_recipients=self.settings.bulk_max_recipients,
            key=once.key,
            earlier=earlier,
        )

    def commit_campaign(self, draft: CampaignDraft) -> tuple[Stored, str]:
        """Make a drafted campaign live and ring its jobs.

        Raises:
            InvalidMessageError: There are no recipients.
            KeyConflictError: The key was used before with other content.
        """
        due_in_s = max(0.0, draft.starts_at_ms / 1000 - time.time())
        once = Idempotency(key=draft.key, ttl_ms=key_ttl_ms(self.settings, due_in_s=due_in_s))
        with self.redis_call(writes=True):
            stored, campaign_id = draft.commit(once)
        self._rings.ring(Task.SEND_BULK, draft.launched, Queue.BULK)
        return stored, campaign_id
