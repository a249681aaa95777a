"""The app: its name in INSTALLED_APPS, and the label of its table and migrations.

In:  Django's start. Out: a model.
"""

from __future__ import annotations

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """`smsq.contrib.django.outbox`; its label is `smsq_outbox`."""

    name = "smsq.contrib.django.outbox"
    label = "smsq_outbox"
    verbose_name = "SMS outbox"
    default_auto_field = "django.db.models.BigAutoField"
