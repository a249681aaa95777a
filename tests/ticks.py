"""Ticks that beat sent and nobody took."""

from __future__ import annotations

from smsq.rings.ticks import Ticks
from smsq.store.scripts import Scripts


def leave_untaken(scripts: Scripts, task: str, many: int) -> None:
    """Let beat have sent so many ticks, the last of them now."""
    if many:
        Ticks(scripts).may_send(task)
        scripts.redis.hset(scripts.keys.ticks, f"{task}:untaken", str(many))
