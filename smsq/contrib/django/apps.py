"""The app: its name in INSTALLED_APPS, and what it does when Django starts.

In:  Django's start. Out: system checks that are registered; a queue that follows the settings.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register
from django.core.signals import setting_changed

from smsq.contrib.django.checks import check_settings
from smsq.contrib.django.queue import close_queue


class SmsqConfig(AppConfig):
    """`smsq.contrib.django`; its label is `smsq`."""

    name = "smsq.contrib.django"
    label = "smsq"
    verbose_name = "SMS"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and have `override_settings(SMSQ=...)` make another queue."""
        register(check_settings)
        setting_changed.connect(_follow, dispatch_uid="smsq")


def _follow(*, setting: str, **_: object) -> None:
    if setting == "SMSQ":
        close_queue()
