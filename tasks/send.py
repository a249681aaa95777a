"""Send: the tasks that jobs are rung by.

In:  job ids, by ring. Out: the engine of this process, awake.

Flower is told of jobs and not of these tasks: worker/flower_events.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from celery import Task as CeleryTask
from celery import shared_task

from smsq.names import Queue, Task
from smsq.rings.broker import read_queue
from tasks.current_engine import get_engine
from tasks.current_resources import get_resources
from tasks.engine import Ring
from tasks.rung import read_ids


@shared_task(name=Task.SEND_QUICK.value, bind=True, send_events=False)
def send_quick(self: CeleryTask[[Sequence[str]], str | None], job_ids: Sequence[str]) -> str | None:
    """See quick jobs sent."""
    return see_sent(Task.SEND_QUICK, self, job_ids)


@shared_task(name=Task.SEND_BULK.value, bind=True, send_events=False)
def send_bulk(self: CeleryTask[[Sequence[str]], str | None], job_ids: Sequence[str]) -> str | None:
    """See bulk jobs sent."""
    return see_sent(Task.SEND_BULK, self, job_ids)


def see_sent(
    name: Task, task: CeleryTask[[Sequence[str]], str | None], ids: Sequence[str]
) -> str | None:
    """Wake the engine; the task of a job rung alone ends when its request is answered.

    Returns:
        The job's state then; None for a ring of several.
    """
    ids = read_ids(name, ids)
    if not ids:
        return None
    rung_on = (task.request.delivery_info or {}).get("routing_key") or Queue.NORMAL
    queue = Queue(read_queue(rung_on))
    engine, ring = get_engine(get_resources()), Ring(name, ids, queue)
    if len(ids) == 1:
        return engine.see_answered(ring)
    engine.wake(ring)
    return None
