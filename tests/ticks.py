"""Beat's ticks: taken as workers do, or by nobody."""

from __future__ import annotations

from smsq.rings.ticks import Tick, Ticks
from smsq.store.scripts import Scripts


def leave_untaken(scripts: Scripts, task: str, many: int) -> None:
    """Let beat have sent so many ticks, the last of them now."""
    if many:
        Ticks(scripts).may_send(task)
        scripts.redis.hset(scripts.keys.ticks, f"{task}:untaken", str(many))


def take(scripts: Scripts, task: str) -> bool:
    """Take a tick with the work that it is for; False when it is superseded."""
    return scripts.run("poll_due", 1, 60_000, *Tick(task).args) is not None
