"""Long lists, read with pauses in which the event loop gets its turn.

In:  what a caller hands in. Out: the same, row by row.

Python lets one thread run for 5 ms before it asks it to make room, so a campaign that is read in a
thread would hold the loop up for as long, again and again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from smsq.models import BulkMessage, PersonalMessage

#: Reading so many phones takes less than a millisecond; a pause is just long enough for a thread
#: that waits to wake up.
_ROWS, _PAUSE_S = 200, 0.00005


def with_breaths(given: Any) -> Any:
    """Return what was handed in, or if it is a list or stream of rows, one that pauses."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return given
    return _read(given)


def _read(rows: Iterable[Any]) -> Iterator[Any]:
    for n, row in enumerate(rows, start=1):
        if n % _ROWS == 0:
            time.sleep(_PAUSE_S)
        if isinstance(row, BulkMessage):
            yield replace(row, phones=with_breaths(row.phones))
        elif isinstance(row, PersonalMessage):
            yield replace(row, texts=with_breaths(row.texts))
        else:
            yield row
