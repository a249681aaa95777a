"""smsq: a job queue that gets every SMS through one gateway once, urgent first.

import smsq
queue = smsq.SmsQueue.from_env()
job = queue.send_quick("+375 29 123-45-67", "Your code is 4821", priority="urgent")
"""

from smsq.errors import (
    BusyError,
    ConfigError,
    GatewayError,
    InvalidMessageError,
    KeyConflictError,
    MisconfiguredError,
    NoMoneyError,
    NotFoundError,
    NotSentError,
    QueueUnavailableError,
    RefusedError,
    SmsqError,
    TemporaryError,
    UnknownOutcomeError,
    UnpreparedError,
)
from smsq.events.events import CampaignEvent, JobEvent, RecipientEvent
from smsq.events.reader import EventReader
from smsq.events.signatures import verify_webhook
from smsq.ledger.stored_id import StoredId
from smsq.models import (
    BulkMessage,
    JobState,
    Kind,
    PersonalMessage,
    QuickMessage,
    RecipientState,
)
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.status.failed import FailedReader
from smsq.status.status import Brake, BrakeState, Campaign, MessageStatus, RecipientStatus, Status
from smsq.status.views import Stats

__all__ = [
    "Brake",
    "BrakeState",
    "BulkMessage",
    "BusyError",
    "Campaign",
    "CampaignEvent",
    "ConfigError",
    "EventReader",
    "FailedReader",
    "GatewayError",
    "InvalidMessageError",
    "JobEvent",
    "JobState",
    "KeyConflictError",
    "Kind",
    "MessageStatus",
    "MisconfiguredError",
    "NoMoneyError",
    "NotFoundError",
    "NotSentError",
    "PersonalMessage",
    "QueueUnavailableError",
    "QuickMessage",
    "RecipientEvent",
    "RecipientState",
    "RecipientStatus",
    "RefusedError",
    "Settings",
    "SmsQueue",
    "SmsqError",
    "Stats",
    "Status",
    "StoredId",
    "TemporaryError",
    "UnknownOutcomeError",
    "UnpreparedError",
    "verify_webhook",
]
