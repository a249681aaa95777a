"""Findings that take a while: looked for in the background, and shown to all until there are newer.

In:  who looks, and how often. Out: what was found last, and when.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Found(Generic[_T]):
    """What was found.

    Attributes:
        what: None where looking failed.
        at: UTC, when it was over.
    """

    what: _T | None
    at: datetime


class Renewed(Generic[_T]):
    """Keeps the last findings. Thread-safe.

    Args:
        name: Of the thread, and in the log.
        look: Looks; what it raises is logged by its kind.
        every_s: How old findings may be before they are renewed.
    """

    def __init__(self, name: str, look: Callable[[], _T], every_s: float) -> None:
        self._name, self._look, self._every_s = name, look, every_s
        self._changed = threading.Condition()
        self._is_looking = False
        self._found: Found[_T] | None = None

    def ask(self, wait_s: float = 0.0) -> Found[_T] | None:
        """Give the last findings; None before the first. Old ones are renewed meanwhile.

        Args:
            wait_s: So long the first ones are waited for.
        """
        with self._changed:
            age_s = (datetime.now(UTC) - self._found.at).total_seconds() if self._found else None
            if (age_s is None or age_s > self._every_s) and not self._is_looking:
                self._is_looking = True
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            if wait_s:
                self._changed.wait_for(lambda: self._found is not None, wait_s)
            return self._found

    def _work(self) -> None:
        found: _T | None = None
        try:
            found = self._look()
        except Exception as error:  # noqa: BLE001 - the next one tries again
            log.warning("%s: %s", self._name, type(error).__name__, extra={"repeats": self._name})
        with self._changed:
            self._is_looking = False
            self._found = Found(found, datetime.now(UTC))
            self._changed.notify_all()
