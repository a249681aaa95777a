"""The one engine of this process.

In:  resources. Out: the engine, made when first asked for, and closed at the end.
"""

from __future__ import annotations

import threading

from smsq.steps.resources import Resources
from tasks.engine import Engine

_lock = threading.Lock()
_current: list[Engine] = []


def get_engine(resources: Resources) -> Engine:
    """Return the engine of this process, made when first asked for."""
    with _lock:
        if not _current or _current[0].resources is not resources:
            _current[:] = [Engine(resources)]
        return _current[0]


def close_engine() -> None:
    """Close this process's engine, where there is one."""
    with _lock:
        engines = list(_current)
        _current.clear()
    for engine in engines:
        engine.close()
