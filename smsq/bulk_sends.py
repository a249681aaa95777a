"""Campaigns, as a web app enqueues them: the part of `SmsQueue` that streams.

In:  messages, or recipients as they come. Out: one live campaign, or nothing at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager

from smsq.assembly import digest, shared_fields
from smsq.brakes import BrakePlan
from smsq.campaign import CampaignDraft
from smsq.errors import InvalidMessageError
from smsq.intake import Intake
from smsq.jobs import Idempotency
from smsq.ledger import Ledger
from smsq.models import BulkMessage, PersonalMessage
from smsq.names import Queue, Task
from smsq.rings import Rings
from smsq.settings import Settings
from smsq.stored_id import StoredId


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
        again: bool = False,
    ) -> StoredId:
        """Enqueue a campaign: some texts for many phones, all or nothing.

        Args:
            messages: Read once, in constant memory, and so are their phones or texts. They share
                gateway requests, or are split, at `SMSQ_BULK_MAX_RECIPIENTS` recipients.
            key: Makes the call repeatable; one that was interrupted goes on where it stopped.
            on_unknown: `hold` or `resend`; None means `SMSQ_ON_UNKNOWN`.
            canary: So many recipients go first; the rest follows when their reports are good.
            max_failed: Share of failed recipients, 0.1 for a tenth. A canary stays below, and the
                campaign stops itself above. None: 0.1 with a canary, else no bound.
            again: True sends again what ended unsent for certain under this key.

        Returns:
            The campaign's id; `is_new` is False where its key was used before.

        Raises:
            InvalidMessageError: Nothing is sent; it carries every mistake, up to 100.
            KeyConflictError: The key was used for other content, is at work, or `again` is refused.
            QueueUnavailableError: Redis did not answer; nothing is sent unless it says otherwise.
        """
        intake = self._intake()
        mistakes = intake.find_mistakes(key=key, again=again, on_unknown=on_unknown)
        draft = None
        if not mistakes:
            draft = self.draft_campaign(
                key=key, on_unknown=on_unknown, canary=canary, max_failed=max_failed, again=again
            )
        self._stage(messages, intake, draft, mistakes)
        assert draft is not None  # noqa: S101 - else there were mistakes
        return self.commit_campaign(draft)

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
        again: bool = False,
    ) -> CampaignDraft:
        """Begin a campaign whose recipients stream in, or go on with one; see `commit_campaign`.

        Args:
            key: Of a draft that was interrupted: give it the same recipients again from the first
                on, and it goes on where it stopped.
            on_unknown: `hold` or `resend`; None means `SMSQ_ON_UNKNOWN`.
            canary: As for `send_bulk`.
            max_failed: As for `send_bulk`.
            again: As for `send_bulk`.

        Raises:
            InvalidMessageError: The key is empty, or canary or bound are none.
            KeyConflictError: `again` is refused.
            QueueUnavailableError: Redis did not answer.
        """
        intake = self._intake()
        key = intake.check_key(key, again=again)
        name = "" if key is None else digest(key)
        choice = intake.check_on_unknown(on_unknown)
        plan = BrakePlan.check(canary, max_failed)
        earlier = None
        if name:
            with self.redis_call(writes=False):
                earlier = self._ledger.find_earlier(name, is_again=again)
        return CampaignDraft(
            self._ledger,
            fields=shared_fields(choice, self.settings) | plan.fields(self.settings),
            max_recipients=self.settings.bulk_max_recipients,
            key=name,
            earlier=earlier,
        )

    def commit_campaign(self, draft: CampaignDraft) -> StoredId:
        """Make a drafted campaign live and ring its jobs.

        Returns:
            Its id; the earlier campaign's where its key was used before.

        Raises:
            InvalidMessageError: There are no recipients.
            KeyConflictError: The key was used before with other content, or `again` is refused.
        """
        once = Idempotency(key=draft.key, is_again=draft.is_again)
        with self.redis_call(writes=True):
            campaign_id = draft.commit(once)
        self._rings.ring(Task.SEND_BULK, draft.launched, Queue.BULK)
        return campaign_id
