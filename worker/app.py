"""The Celery app that worker, beat and Flower share.

In:  settings. Out: `app`, with the tasks registered by name.

Only a worker needs the gateway's address and token; it checks them when it starts
(worker/lifecycle.py), so the token is in no other process.
"""

from __future__ import annotations

from celery import Celery

from config.celeryconfig import celery_options
from config.settings import load_settings
from worker import lifecycle

app = Celery("smsq", include=["tasks.send", "tasks.poll", "tasks.recover"])
app.conf.update(celery_options(load_settings()))
lifecycle.connect_signals()
