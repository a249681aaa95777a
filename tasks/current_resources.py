"""The one set of resources of this process.

In:  the environment. Out: `Resources`, made when first asked for; tests put in their own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from smsq.settings import Settings
from smsq.steps.resources import Resources

_lock = threading.Lock()
_current: list[Resources] = []


def install(resources: Resources | None) -> None:
    """Set what `get_resources` returns; None lets the next call build from the environment."""
    with _lock:
        _current[:] = [resources] if resources else []


def find_installed() -> Sequence[Resources]:
    """What this process has built so far: one, or none."""
    with _lock:
        return tuple(_current)


def get_resources() -> Resources:
    """Return this process's resources, built from the environment when first asked for."""
    with _lock:
        if not _current:
            _current.append(Resources.build(Settings.from_env(needs_gateway=True)))
        return _current[0]
