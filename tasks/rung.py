"""Rings as they come out of the broker: ids of ours, or nothing.

In:  the arguments of a task; whoever can write to the broker chose them. Out: ids, or a line in the
log and nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from smsq.names import RING_MAX_JOBS, Task

log = logging.getLogger(__name__)

_JOB = re.compile(r"j[0-9a-f]{16}", re.ASCII)
_MESSAGE = re.compile(r"j[0-9a-f]{16}:[0-9]{1,6}", re.ASCII)
_FORMS = {Task.SEND_QUICK: _JOB, Task.SEND_BULK: _JOB, Task.POLL_MESSAGE: _MESSAGE}


def read_ids(task: Task, ids: object) -> Sequence[str]:
    """Take the ids of a ring; a ring of anything else is dropped, whole.

    Nothing is lost by that: what really waits is rung again by `recover`.

    Args:
        task: What was rung for.
        ids: As the broker had them.
    """
    form = _FORMS[task]
    if (
        isinstance(ids, list | tuple)
        and len(ids) <= RING_MAX_JOBS
        and all(isinstance(one, str) and form.fullmatch(one) for one in ids)
    ):
        return ids
    log.error("a ring for %s is dropped: it has no ids of ours, or too many", task)
    return []
