"""Campaigns, as a web app enqueues them, streamed.

In:  messages, or recipients as they come. Out: one live campaign, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from smsq.campaigns.brakes import BrakePlan
from smsq.campaigns.draft import CampaignDraft
from smsq.campaigns.staging import Staging
from smsq.errors import InvalidMessageError
from smsq.intake.intake import Intake
from smsq.intake.new_jobs import digest_key, shared_fields
from smsq.ledger.producer import Producer
from smsq.ledger.stored_id import StoredId
from smsq.models import BulkMessage, PersonalMessage
from smsq.names import Queue, Task
from smsq.options import BulkOptions
from smsq.records.jobs import Idempotency


class BulkSends:
    """Campaigns as they come.

    Args:
        producer: The web app's side of the queue.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._staging = Staging(producer.scripts)

    def send(
        self, messages: Iterable[BulkMessage | PersonalMessage], **options: Unpack[BulkOptions]
    ) -> StoredId:
        """Enqueue a campaign, as `SmsQueue.send_bulk` says."""
        intake = self._producer.intake()
        mistakes = intake.find_mistakes(
            key=options["key"], again=options["again"], on_unknown=options["on_unknown"]
        )
        draft = None if mistakes else self.draft(**options)
        self._stage(messages, intake, draft, mistakes)
        assert draft is not None  # noqa: S101 - else there were mistakes
        return self.commit(draft)

    def _stage(
        self,
        messages: Iterable[BulkMessage | PersonalMessage],
        intake: Intake,
        draft: CampaignDraft | None,
        mistakes: list[str],
    ) -> None:
        """Check messages into the draft; nothing is live before the commit."""
        with self._producer.call(writes=False):
            try:
                intake.check_bulk(messages, draft, mistakes)
            except InvalidMessageError:
                if draft:
                    draft.discard()
                raise

    def draft(self, **options: Unpack[BulkOptions]) -> CampaignDraft:
        """Begin a campaign whose recipients stream in, or go on with one; see `commit`."""
        intake = self._producer.intake()
        again = options["again"]
        key = intake.check_key(options["key"], again=again)
        name = "" if key is None else digest_key(key)
        choice = intake.check_on_unknown(options["on_unknown"])
        plan = BrakePlan.check(options["canary"], options["max_failed"])
        earlier = None
        if name:
            with self._producer.call(writes=False):
                earlier = self._staging.find_earlier(name, is_again=again)
        settings = self._producer.settings
        return CampaignDraft(
            self._staging,
            fields=shared_fields(choice, settings) | plan.fields(settings),
            max_recipients=settings.bulk_max_recipients,
            key=name,
            earlier=earlier,
        )

    def commit(self, draft: CampaignDraft) -> StoredId:
        """Make a drafted campaign live and ring its jobs."""
        once = Idempotency(key=draft.key, is_again=draft.is_again)
        with self._producer.call(writes=True):
            campaign_id = draft.commit(once)
            self._producer.keep(campaign_id)
        self._producer.rings.ring(Task.SEND_BULK, draft.launched, Queue.BULK)
        return campaign_id
