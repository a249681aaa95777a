"""How often one process looks after the heartbeat SMS.

In:  recover's ticks. Out: whether to look now.
"""

from __future__ import annotations

import time

#: A process looks so often.
LOOK_EVERY_S = 5.0


class HeartbeatPace:
    """When this process looked last, and the last period that it sent for."""

    def __init__(self) -> None:
        self._looked_at_s: float | None = None
        self.period = -1

    def is_due(self) -> bool:
        """Say whether to look now; counts as a look."""
        now_s = time.monotonic()
        if self._looked_at_s is not None and now_s - self._looked_at_s < LOOK_EVERY_S:
            return False
        self._looked_at_s = now_s
        return True
