"""How the processes wait for a broker that is away: for ever, and never long between two tries.

In:  Celery's app. Out: broker connections that are back a few seconds after the broker is.

Kombu's pause between two tries grows to 30 s: after a night's outage workers would sleep for half
a minute while jobs expire.
"""

from __future__ import annotations

from typing import Any

import kombu
from celery.app.amqp import AMQP

#: Seconds between two tries: the first, how much longer each is, the longest.
FIRST_S, STEP_S, MOST_S = 1, 1, 4


class Connection(kombu.Connection):
    """A connection that tries again soon."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Wait until the broker is there; callers may still say how."""
        pauses = {"interval_start": FIRST_S, "interval_step": STEP_S, "interval_max": MOST_S}
        return super().ensure_connection(*args, **(pauses | kwargs))


class ReconnectingAmqp(AMQP):
    """Celery's broker side, on such connections."""

    Connection = Connection
