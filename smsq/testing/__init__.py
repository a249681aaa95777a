"""For a web app's tests: an outbox in place of Redis, and the gateway's part played in process.

In:  a test. Out: what it enqueued, to be looked at and to be taken on by the real scripts.
Never: a connection beyond loopback. Nothing is imported before it is used: pytest loads the plugin
in every run of whoever has smsq installed.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smsq.testing.clock import Clock
    from smsq.testing.queued import QueuedSms
    from smsq.testing.sms_gateway import SmsGateway, gateway
    from smsq.testing.sms_outbox import Outbox, OutboxMixin, outbox

__all__ = ["Clock", "Outbox", "OutboxMixin", "QueuedSms", "SmsGateway", "gateway", "outbox"]

#: Lightest first: an outbox needs no HTTP.
_MODULES = ("clock", "queued", "sms_outbox", "sms_gateway")


def _load(module: str) -> ModuleType:
    try:
        return import_module(f"smsq.testing.{module}")
    except ImportError as error:
        missing = f"smsq.testing needs {error.name}: pip install 'smsq[testing]'"
        raise ImportError(missing, name=error.name) from None


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in map(_load, _MODULES):
            if name in vars(module):
                return vars(module)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
