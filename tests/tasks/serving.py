"""An engine that works off what waits, for tests that look at what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from smsq.steps.resources import Resources
from tasks.engine import Engine
from tests.support import wait_until


def serve(resources: Resources, ids: Sequence[str]) -> Sequence[str]:
    """Work until none of the ids waits for a slot and no request is on its way.

    Args:
        resources: Of a worker.
        ids: Jobs, or messages as `<job id>:<n>`.
    """
    engine = Engine(resources)
    engine.wake()

    def is_done() -> bool:
        if not engine.is_at_rest:
            return False
        if not any(waits(resources, one) for one in ids):
            return True
        engine.wake()
        return False

    wait_until(is_done, "nothing is left to be sent", deadline_s=30)
    return ()


def waits(resources: Resources, one: str) -> bool:
    if ":" in one:
        return resources.redis.zscore(resources.keys.ready("poll"), one) is not None
    return bool(resources.redis.hget(resources.keys.job(one), "state") == "queued")
