"""Something that is away for a while: told once when it begins, and once when it is over.

In:  how each try went. Out: two lines in the log, and how often in a row it failed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class Trouble:
    """One thing that may be away.

    Args:
        what: As the log names it.
        log: Where it is told.
        clock: Seconds that only go forward.

    Attributes:
        times: Failures in a row; 0 while all is well.
    """

    def __init__(
        self, what: str, log: logging.Logger, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._log, self._clock = what, log, clock
        self._since_s = 0.0
        self.times = 0

    def begin(self, why: str) -> None:
        """Note a failure; `why` holds no text, phone or address."""
        if not self.times:
            self._since_s = self._clock()
            self._log.warning("%s is away, rows wait: %s", self._what, why)
        self.times += 1

    def end(self) -> None:
        """Note that it went well."""
        if self.times:
            away_s = self._clock() - self._since_s
            self._log.warning("%s is back after %.0f s", self._what, away_s)
        self.times = 0
