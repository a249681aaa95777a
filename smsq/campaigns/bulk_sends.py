"""Campaigns, as a web app enqueues them, streamed.

In:  messages, or recipients as they come. Out: one live campaign, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Unpack, cast

from smsq.campaigns.brakes import BrakePlan
from smsq.campaigns.draft import CampaignDraft
from smsq.campaigns.staging import Staging
from smsq.errors import InvalidMessageError
from smsq.intake.intake import Intake
from smsq.intake.mistakes import refuse
from smsq.intake.new_jobs import digest_key, name_fields, shared_fields
from smsq.intake.own_names import check_names, read_names
from smsq.intake.recipients import LeftOut
from smsq.ledger.producer import Producer
from smsq.ledger.stored_id import StoredCampaign, StoredId
from smsq.mistakes import Mistake, MistakeCode
from smsq.models import BulkMessage, Kind, MessageRequest, OnUnknown, PersonalMessage
from smsq.names import Queue, Task
from smsq.options import BulkOptions, DraftOptions
from smsq.records.jobs import Idempotency
from smsq.tracing import enqueueing, trace_fields


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a campaign would reach.

    Attributes:
        recipients: So many.
        rejected: The first of the rows that would be left out.
        rejected_count: How many would be.
    """

    recipients: int
    rejected: Sequence[Mistake]
    rejected_count: int


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
        with enqueueing(kind=Kind.BULK) as span:
            stored = self._send(messages, options)
            span.note(campaign=stored, is_new=stored.is_new, recipients=stored.accepted)
        return stored

    def _send(
        self, messages: Iterable[BulkMessage | PersonalMessage], options: BulkOptions
    ) -> StoredCampaign:
        intake, left_out, mistakes = self._begin(options)
        draft = None if mistakes else self.draft(**_for_draft(options))
        with self._producer.call(writes=False):
            try:
                # Nothing is live before the commit.
                intake.check_bulk(messages, draft, mistakes, left_out)
                if draft and not draft.recipients:
                    _refuse_nobody(left_out)
            except InvalidMessageError:
                if draft:
                    draft.discard()
                raise
        assert draft is not None  # noqa: S101 - else there were mistakes
        stored = self.commit(draft)
        return StoredCampaign.of(stored, draft.recipients, left_out.mistakes, left_out.count)

    def check(
        self, messages: Iterable[BulkMessage | PersonalMessage], **options: Unpack[BulkOptions]
    ) -> Reach:
        """Check a campaign as `send` does, and store nothing.

        Raises:
            InvalidMessageError: With every mistake that `send` would find.
        """
        intake, left_out, mistakes = self._begin(options)
        counter = _Counter()
        intake.check_bulk(messages, counter, mistakes, left_out)
        BrakePlan.check(options.get("canary"), options.get("max_failed"))
        if not counter.recipients:
            _refuse_nobody(left_out)
        return Reach(counter.recipients, tuple(left_out.mistakes), left_out.count)

    def _begin(self, options: BulkOptions) -> tuple[Intake, LeftOut, list[Mistake]]:
        """Check what is asked for all of a campaign."""
        left_out = LeftOut.check(
            options.get("on_invalid", "refuse"), options.get("on_duplicate", "refuse")
        )
        intake = self._producer.intake()
        *_, mistakes = _read_shared(intake, options)
        # Read once, as all that a caller hands in.
        names = read_names(mistakes, options.get("reference"), options.get("tags", ()))
        options |= {"reference": names.reference, "tags": names.tags}
        return intake, left_out, mistakes

    def draft(self, **options: Unpack[DraftOptions]) -> CampaignDraft:
        """Begin a campaign whose recipients stream in, or go on with one; see `commit`."""
        intake = self._producer.intake()
        key, choice, mistakes = _read_shared(intake, options)
        refuse(mistakes)
        name, again = "" if key is None else digest_key(key), options.get("again", False)
        names = check_names(options.get("reference"), options.get("tags", ()))
        plan = BrakePlan.check(options.get("canary"), options.get("max_failed"))
        earlier = None
        if name:
            with self._producer.call(writes=False):
                earlier = self._staging.find_earlier(name, is_again=again)
        settings = self._producer.settings
        return CampaignDraft(
            self._staging,
            fields={
                **shared_fields(choice, settings),
                **name_fields(names),
                **plan.fields(settings),
                **trace_fields(),
            },
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


class _Counter:
    """Takes a draft's place where nothing is to be stored."""

    def __init__(self) -> None:
        self.recipients = 0

    def start_message(self, head: MessageRequest) -> None:
        """Begin a message."""

    def add(self, phone: str, text: str | None, reference: str | None = None) -> bool:
        """Count a recipient."""
        self.recipients += 1
        return True


def _refuse_nobody(left_out: LeftOut) -> None:
    told = "no recipient is left: write at least one that can be sent to"
    nobody = Mistake(told, MistakeCode.RECIPIENTS_EMPTY, "messages")
    refuse([nobody, *left_out.mistakes], left_out.count - len(left_out.mistakes))


def _for_draft(options: BulkOptions) -> DraftOptions:
    """Leave out what is said of rows."""
    of_rows = {"on_invalid", "on_duplicate"}
    return cast(
        DraftOptions, {name: value for name, value in options.items() if name not in of_rows}
    )
