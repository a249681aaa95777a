"""Flask: the queue as an extension, with settings from `app.config`.

    sms = Smsq()
    sms.init_app(app)  # or Smsq(app)
    sms.queue.send_quick(phone, "Your code is 4821", priority="urgent")

In:  `app.config["SMSQ_..."]`, requests. Out: calls of the queue; events of the webhook.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

try:
    from flask import Flask, abort, current_app, request
except ModuleNotFoundError as _missing:
    if _missing.name != "flask":
        raise
    raise ImportError(
        "smsq.contrib.flask needs Flask, which is not installed: pip install 'smsq[flask]'"
    ) from None

from smsq.contrib.per_process import PerProcess
from smsq.contrib.values import write_value
from smsq.environment.variables import SETTINGS
from smsq.errors import ConfigError, WebhookError
from smsq.events.events import Event
from smsq.events.receiving import parse_webhook
from smsq.frames import guarded
from smsq.queue import SmsQueue
from smsq.settings import Settings

__all__ = ["Smsq"]

_PREFIX = "SMSQ_"
_KNOWN = frozenset(setting.name for setting in SETTINGS)


@dataclass(frozen=True, slots=True)
class _OfApp:
    """What `app.extensions["smsq"]` is."""

    settings: Settings
    queue: PerProcess[SmsQueue]


@guarded
class Smsq:
    """The extension; one object may serve several apps.

    Args:
        app: As for `init_app`; None to call that later.
        needs_sender: False where every call names its sender; else the settings must name one.
    """

    def __init__(self, app: Flask | None = None, *, needs_sender: bool = True) -> None:
        self._needs_sender = needs_sender
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Read `app.config["SMSQ_..."]`, and the environment for what is not there.

        Nothing is connected: the queue is made when it is first used, one in each process, and
        closed at exit.

        Raises:
            ConfigError: With every mistake found.
        """
        environ = {**os.environ, **_write_config(app.config)}
        settings = Settings.from_env(environ, needs_sender=self._needs_sender)
        # The first request does not wait for Celery, and forked processes share its memory.
        import_module("smsq.rings.rings")
        make = partial(SmsQueue, settings=settings)
        app.extensions["smsq"] = _OfApp(settings, PerProcess(make, SmsQueue.close))

    @property
    def queue(self) -> SmsQueue:
        """The queue of the current app in this process.

        Raises:
            RuntimeError: There is no current app, or `init_app` was not called with it.
        """
        return self._of_app.queue.get()

    def read_webhook(self) -> list[Event]:
        """Read the events of the current request, which `smsq web` has posted.

        It ends the request with 403 where no signature fits `SMSQ_WEBHOOK_SECRET`. Answer with 204
        when you have handled them all; after any other status all of them come again.

        Raises:
            ConfigError: SMSQ_WEBHOOK_SECRET is not set.
        """
        secrets = self._of_app.settings.webhook_secrets
        try:
            return parse_webhook(request.get_data(), request.headers, secrets)
        except WebhookError as error:
            abort(403, description=error.code)

    @property
    def _of_app(self) -> _OfApp:
        found: object = current_app.extensions.get("smsq")
        if not isinstance(found, _OfApp):
            raise RuntimeError("smsq: call Smsq(app), or init_app(app), before the first use")  # noqa: TRY004 - the app's state
        return found


def _write_config(config: Mapping[str, object]) -> dict[str, str]:
    """Write the app's settings as environment variables; None leaves one to the environment."""
    written, mistakes = {}, []
    for name, value in config.items():
        if not name.startswith(_PREFIX) or value is None:
            continue
        if name not in _KNOWN:
            mistakes.append(f"app.config[{name!r}] is not a setting: docs/settings.md has them all")
        try:
            written[name] = write_value(value)
        except ValueError as error:
            mistakes.append(f"app.config[{name!r}] {error}")
    if mistakes:
        raise ConfigError(mistakes)
    return written
