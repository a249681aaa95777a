"""Values that all viewers share: each is made once in a while, by whoever asks first.

In:  how to make a value, and for how long it is good. Out: the value.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_V = TypeVar("_V")

#: Addresses with other queries are other values: so many are kept.
_MOST = 200


@dataclass(slots=True)
class _Entry(Generic[_V]):
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    good_until_s: float = float("-inf")
    value: _V | None = None


class Shared(Generic[_V]):
    """Keeps values by key. A failure is kept by nobody: whoever waited for it tries again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock, self._most = clock, most
        self._entries: OrderedDict[Hashable, _Entry[_V]] = OrderedDict()

    async def get(self, key: Hashable, for_s: float, make: Callable[[], Awaitable[_V]]) -> _V:
        """Get a value, made at most `for_s` ago."""
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)
        if entry.value is not None and self._clock() < entry.good_until_s:
            return entry.value
        async with entry.lock:
            if entry.value is None or self._clock() >= entry.good_until_s:
                entry.value = await make()
                entry.good_until_s = self._clock() + for_s
            return entry.value
