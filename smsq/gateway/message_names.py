"""Our messages by the names that the gateway may call them by. Pure.

In:  names as we sent them. Out: which messages a name in a receipt may mean: names that a gateway
trimmed, cut or wrote with other letters for the same still mean ours.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

#: No gateway cuts names to fewer letters.
_LEAST_CUT = 16
#: What a cut may leave at the end: half a character, dots, a blank.
_CUT_MARKS = "\ufffd. "
#: Sorts after everything that begins alike.
_LAST = "\U0010ffff"


class MessageNames:
    """Finds out which of our messages a name may mean, while some of them have their ids.

    Args:
        names: In order; equal ones are different messages.
    """

    def __init__(self, names: Sequence[str]) -> None:
        places: defaultdict[str, list[int]] = defaultdict(list)
        for i, name in enumerate(names):
            places[_fold(name)].append(i)
        self._folded = sorted(places)
        self._places = [places[folded] for folded in self._folded]

    def find_range(self, name: str) -> tuple[int, int] | None:
        """Find the names that may be meant, as a slice of a sorted list; None for none."""
        folded = _fold(name)
        return self._find(folded) or self._find(folded.rstrip(_CUT_MARKS))

    def messages(self, found: tuple[int, int]) -> list[int]:
        """List the messages of such a range, in order."""
        return sorted(i for places in self._places[slice(*found)] for i in places)

    def _find(self, folded: str) -> tuple[int, int] | None:
        first = bisect_left(self._folded, folded)
        last = first + (self._folded[first : first + 1] == [folded])
        if len(folded) >= _LEAST_CUT:
            last = bisect_left(self._folded, folded + _LAST, lo=first)
        return (first, last) if first < last else None


def _fold(name: str) -> str:
    """Bring together what differs in case, blanks and the way of composing letters."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
