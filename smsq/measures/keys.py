"""Names of the keys of measures, as measure.lua and fold.lua build them.

In:  the namespace. Out: key names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeasureKeys:
    """Key names below one namespace."""

    namespace: str

    @property
    def totals(self) -> str:
        """Hash: what was measured since ever."""
        return f"{self.namespace}:totals"

    @property
    def minutes(self) -> str:
        """Sorted set: minutes since 1970 that are not in the totals yet."""
        return f"{self.namespace}:minutes"

    def minute(self, minute: int) -> str:
        """Hash: what was measured in a minute since 1970 that is not in the totals yet."""
        return f"{self.namespace}:minute:{minute}"

    def history(self, minute: int) -> str:
        """String: what was measured in a minute, or from it on in a quarter of an hour, packed."""
        return f"{self.namespace}:history:{minute}"
