"""Send: the tasks that jobs are rung by.

In:  job ids, by ring. Out: settled jobs in the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from celery import Task as CeleryTask
from celery import shared_task

from smsq.names import Queue, Task
from tasks.resources import get_resources
from tasks.wait_for_slot import serve

log = logging.getLogger(__name__)


@shared_task(name=Task.SEND_QUICK.value, bind=True)
def send_quick(self: CeleryTask[[Sequence[str]], None], job_ids: Sequence[str]) -> None:
    """See quick jobs sent."""
    hand_back(Task.SEND_QUICK, self, serve(get_resources(), job_ids))


@shared_task(name=Task.SEND_BULK.value, bind=True)
def send_bulk(self: CeleryTask[[Sequence[str]], None], job_ids: Sequence[str]) -> None:
    """See bulk jobs sent."""
    hand_back(Task.SEND_BULK, self, serve(get_resources(), job_ids))


def hand_back(name: Task, task: CeleryTask[[Sequence[str]], None], ids: Sequence[str]) -> None:
    """Ring what was left over, so that another worker takes it at once and not by `recover`."""
    if ids:
        queue = Queue((task.request.delivery_info or {}).get("routing_key") or Queue.NORMAL)
        get_resources().rings.ring(name, ids, queue)
        log.info("handed back %d jobs: the worker shuts down", len(ids))
