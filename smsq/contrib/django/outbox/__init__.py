"""The outbox in Django: `smsq.contrib.django.outbox` in INSTALLED_APPS, then `manage.py migrate`.

    from smsq.contrib.django.outbox.models import OutboxMessage

    OutboxMessage.objects.add(order.phone, "Your order is ready")

In:  messages, in your transactions. Out: rows; `manage.py smsq_relay` hands them over.
"""
