"""Campaigns, as a web app enqueues them, streamed.

In:  messages, or recipients as they come. Out: one live campaign, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack, cast

from smsq.campaigns.brakes import BrakePlan
from smsq.campaigns.draft import CampaignDraft
from smsq.campaigns.staging import Staging
from smsq.errors import InvalidMessageError
from smsq.intake.intake import Intake
from smsq.intake.mistakes import refuse
from smsq.intake.new_jobs import digest_key, shared_fields
from smsq.intake.recipients import LeftOut
from smsq.ledger.producer import Producer
from smsq.ledger.stored_id import StoredCampaign, StoredId
from smsq.mistakes import Mistake, MistakeCode
from smsq.models import BulkMessage, OnUnknown, PersonalMessage
from smsq.names import Queue, Task
from smsq.options import BulkOptions, DraftOptions
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
    ) -> StoredCampaign:
        """Enqueue a campaign, as `SmsQueue.send_bulk` says."""
        left_out = LeftOut.check(
            options.pop("on_invalid", "refuse"), options.pop("on_duplicate", "refuse")
        )
        intake = self._producer.intake()
        *_, mistakes = _read_shared(intake, options)
        draft = None if mistakes else self.draft(**cast(DraftOptions, options))
        with self._producer.call(writes=False):
            try:
                # Nothing is live before the commit.
                intake.check_bulk(messages, draft, mistakes, left_out)
                if draft and not draft.recipients:
                    told = "no recipient is left: write at least one that can be sent to"
                    nobody = Mistake(told, MistakeCode.RECIPIENTS_EMPTY, "messages")
                    refuse([nobody, *left_out.mistakes], left_out.count - len(left_out.mistakes))
            except InvalidMessageError:
                if draft:
                    draft.discard()
                raise
        assert draft is not None  # noqa: S101 - else there were mistakes
        stored = self.commit(draft)
        return StoredCampaign.of(stored, draft.recipients, left_out.mistakes, left_out.count)

    def draft(self, **options: Unpack[DraftOptions]) -> CampaignDraft:
        """Begin a campaign whose recipients stream in, or go on with one; see `commit`."""
        intake = self._producer.intake()
        key, choice, mistakes = _read_shared(intake, options)
        refuse(mistakes)
        name, again = "" if key is None else digest_key(key), options.get("again", False)
        plan = BrakePlan.check(options.get("canary"), options.get("max_failed"))
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


def _read_shared(
    intake: Intake, options: DraftOptions
) -> tuple[str | None, OnUnknown, list[Mistake]]:
    return intake.read_shared(
        key=options.get("key"),
        again=options.get("again", False),
        on_unknown=options.get("on_unknown"),
    )
