"""Loaded by a Python whose clock libfaketime sets wrong: makes `time.sleep` work there.

In:  nothing. Out: a `time.sleep` that waits on a lock. libfaketime 0.9.10 answers the system call
behind Python's own with EINVAL; waits on locks and sockets are not touched by it.
"""

from __future__ import annotations

import threading
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex, /) -> None:
    """Sleep."""
    threading.Event().wait(float(seconds))


time.sleep = sleep
