"""Recover: the task that gives every due job its next step, and rings what was forgotten.

In:  beat's tick. Out: rings, and jobs moved on.
"""

from __future__ import annotations

from celery import shared_task

from smsq.names import Task
from smsq.rings.ticks import APART_S
from smsq.steps.recover import close_gathered, recover_due
from tasks.current_resources import get_resources

#: What closes so soon after a tick is waited for; the rest is the next tick's.
TICK_S = 0.9


@shared_task(name=Task.RECOVER.value, send_events=False)  # 86,400 a day: Flower shows messages
def recover() -> None:
    """Work off what is due."""
    resources = get_resources()
    if recover_due(resources, apart_s=APART_S) is not None:
        close_gathered(resources, for_s=TICK_S)
