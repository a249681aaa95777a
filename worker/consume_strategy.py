"""Which queues the worker takes rings from next: all, or only beat's ticks while it has enough.

In:  the rings at hand. Out: queue names, for kombu's Redis transport.

A backlog stays in the broker, where it is cheap, instead of in the memory of whoever comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kombu.utils import scheduling

from config.queues import TICK_QUEUE
from worker.liveness import last_asked
from worker.rings_at_hand import rings_at_hand

_RoundRobin: Any = scheduling.round_robin_cycle


class TicksFirst(_RoundRobin):  # type: ignore[misc]
    """Round robin, but for the queues that can wait."""

    def consume(self, n: int) -> Sequence[str]:
        """Choose the queues to wait for; called anew at least once a second."""
        last_asked.note()
        if rings_at_hand.is_enough:
            return [queue for queue in self.items if queue == TICK_QUEUE]
        queues: Sequence[str] = super().consume(n)
        return queues
