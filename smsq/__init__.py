"""smsq: a job queue that gets every SMS through one gateway once, urgent first.

import smsq
queue = smsq.SmsQueue.from_env()
job = queue.send_quick("+375 29 123-45-67", "Your code is 4821", priority="urgent")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smsq.async_queue.queue import AsyncOptOuts, AsyncSmsQueue
    from smsq.async_queue.readers import AsyncEventReader, AsyncFailedReader, AsyncRows
    from smsq.domain.waiting import Promise
    from smsq.errors import (
        BusyError,
        ConfigError,
        GatewayError,
        InvalidMessageError,
        KeyConflictError,
        LimitedError,
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
        WebhookError,
    )
    from smsq.events.events import CampaignChange, CampaignEvent, Event, JobEvent, RecipientEvent
    from smsq.events.reader import EventReader
    from smsq.events.receiving import parse_webhook
    from smsq.events.signatures import verify_webhook
    from smsq.events.wire import dump_event, load_event
    from smsq.finding.summary import JobSummary
    from smsq.ledger.stored_id import StoredCampaign, StoredId, StoredMany
    from smsq.mistakes import Mistake, MistakeCode, MistakeOwner
    from smsq.models import (
        BulkMessage,
        JobState,
        Kind,
        PersonalMessage,
        QuickMessage,
        RecipientState,
    )
    from smsq.queue import SmsQueue
    from smsq.rules.optouts import OptOuts
    from smsq.settings import Settings
    from smsq.status.failed import FailedReader
    from smsq.status.status import (
        Brake,
        BrakeState,
        Campaign,
        MessageStatus,
        RecipientStatus,
        Status,
    )
    from smsq.status.views import Stats
    from smsq.text.parts import Parts, count_parts
    from smsq.text.phones import normalize_phone

__all__ = [
    "AsyncEventReader",
    "AsyncFailedReader",
    "AsyncOptOuts",
    "AsyncRows",
    "AsyncSmsQueue",
    "Brake",
    "BrakeState",
    "BulkMessage",
    "BusyError",
    "Campaign",
    "CampaignChange",
    "CampaignEvent",
    "ConfigError",
    "Event",
    "EventReader",
    "FailedReader",
    "GatewayError",
    "InvalidMessageError",
    "JobEvent",
    "JobState",
    "JobSummary",
    "KeyConflictError",
    "Kind",
    "LimitedError",
    "MessageStatus",
    "MisconfiguredError",
    "Mistake",
    "MistakeCode",
    "MistakeOwner",
    "NoMoneyError",
    "NotFoundError",
    "NotSentError",
    "OptOuts",
    "Parts",
    "PersonalMessage",
    "Promise",
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
    "StoredCampaign",
    "StoredId",
    "StoredMany",
    "TemporaryError",
    "UnknownOutcomeError",
    "UnpreparedError",
    "WebhookError",
    "count_parts",
    "dump_event",
    "load_event",
    "normalize_phone",
    "parse_webhook",
    "verify_webhook",
]

#: Where the names are, lightest first. They are imported when one is asked for: the simulator and
#: `smsq --help` need no Redis client and no Celery.
_MODULES = (
    *(
        "errors",
        "mistakes",
        "text.parts",
        "text.phones",
        "domain.waiting",
        "events.signatures",
        "events.events",
        "events.wire",
        "events.receiving",
    ),
    *("ledger.stored_id", "models", "settings"),
    *(
        "status.status",
        "status.views",
        "status.failed",
        "finding.summary",
        "events.reader",
        "rules.optouts",
        "queue",
        "async_queue.readers",
        "async_queue.queue",
    ),
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in (import_module(f"smsq.{module}") for module in _MODULES):
            if name in vars(module):
                return globals().setdefault(name, vars(module)[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
