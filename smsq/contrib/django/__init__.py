"""Django: put `smsq.contrib.django` into INSTALLED_APPS, and `SMSQ = {...}` into settings.py.

    from smsq.contrib.django import sms

    sms.send_quick_on_commit(order.phone, "Your order is ready", key=f"order-{order.pk}")

In:  Django's settings, transactions and requests. Out: calls of the queue; signals for events.
"""

from __future__ import annotations

try:
    import django as _django  # noqa: F401 - to say what is missing, in one sentence
except ModuleNotFoundError as _missing:
    if _missing.name != "django":
        raise
    raise ImportError(
        "smsq.contrib.django needs Django, which is not installed: pip install 'smsq[django]'"
    ) from None

from smsq.contrib.django.on_commit import DjangoQueue
from smsq.contrib.django.queue import get_queue, sms

__all__ = ["DjangoQueue", "get_queue", "sms"]
