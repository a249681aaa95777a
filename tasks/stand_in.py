"""Stand in for beat and the broker: a worker to whom no ticks come looks for jobs itself.

In:  resources of a worker. Out: due jobs moved on, and the engine awake.

Rings only wake workers; what there is to do stands in the ledger. Beat's mark is left alone:
whether beat ticks is another question.
"""

from __future__ import annotations

from smsq.steps.due_polls import ring_due_polls
from smsq.steps.launch import launch_campaigns
from smsq.steps.recover import MAX_BATCHES, align_campaigns, move_due, try_step
from smsq.steps.resources import Resources
from tasks.current_engine import get_engine


def stand_in(resources: Resources) -> None:
    """Work off what is due, and let this process send and poll what waits.

    Raises:
        RedisError: The ledger is away, too.
    """
    for _ in range(MAX_BATCHES):
        if not move_due(resources):
            break
    for step in (launch_campaigns, align_campaigns, ring_due_polls):
        try_step(resources, step)
    get_engine(resources).wake()
