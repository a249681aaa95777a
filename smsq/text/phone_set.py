"""Which phones came already: exact, and in memory that the numbering plan bounds, not the list.

In:  phones in the gateway's form. Out: whether each is new.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

#: Numbers of one block; their last bits alone are kept.
_BLOCK_BITS = 16
_LOW = (1 << _BLOCK_BITS) - 1

#: A block with fewer phones is a sorted list of them, 2 bytes each; else one bit per number, 8 KB.
_MOST_LISTED = 512


class SeenPhones:
    """A set of phones. A million of one country's mobile numbers take some 5 MB."""

    def __init__(self) -> None:
        self._lists: dict[int, array[int]] = {}
        self._bits: dict[int, bytearray] = {}

    def add(self, phone: int) -> bool:
        """Add a phone; False when it came before."""
        block, low = phone >> _BLOCK_BITS, phone & _LOW
        bits = self._bits.get(block)
        if bits is None:
            return self._add_to_list(block, low)
        place, bit = low >> 3, 1 << (low & 7)
        if bits[place] & bit:
            return False
        bits[place] |= bit
        return True

    def clear(self) -> None:
        """Forget all."""
        self._lists.clear()
        self._bits.clear()

    def _add_to_list(self, block: int, low: int) -> bool:
        listed = self._lists.setdefault(block, array("H"))
        at = bisect_left(listed, low)
        if at < len(listed) and listed[at] == low:
            return False
        listed.insert(at, low)
        if len(listed) > _MOST_LISTED:
            bits = bytearray((_LOW + 1) // 8)
            for number in listed:
                bits[number >> 3] |= 1 << (number & 7)
            self._bits[block] = bits
            del self._lists[block]
        return True
