"""One environment variable: its name, default, parser and meaning. Pure.

In:  nothing. Out: the form of the rows of `smsq/environment/variables.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable.

    Attributes:
        default: As it would be written in the environment; "" means "not set".
        parse: Raises ValueError with what to write instead.
        meaning: One phrase, the same in `.env.example` and docs/settings.md.
        unset: What stands for "not set".
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str
    unset: Any = ""

    @property
    def field(self) -> str:
        """Name of the attribute of `Settings` that holds it."""
        return self.name.removeprefix("SMSQ_").lower()
